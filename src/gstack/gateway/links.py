"""Absolute URLs of resources in the answer to a request."""

import msgspec

GOOGLE = "https://www.googleapis.com"


class Links(msgspec.Struct, frozen=True):
    """Absolute URLs for the Host of a request. `base` ends in `/compute/v1/` or another version."""

    base: str

    def project(self, project: str, path: str = "") -> str:
        """Return the URL of `zones/z/disks/d` in a project. An empty path gives the URL of the project."""
        return f"{self.base}projects/{project}/{path}".rstrip("/")

    @staticmethod
    def image(project: str, name: str) -> str:
        """Return the URL of an image. It is at Google's host, because Terraform accepts no other."""
        return f"{GOOGLE}/compute/v1/projects/{project}/global/images/{name}"
