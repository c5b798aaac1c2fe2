"""Absolute URLs of resources, made for one request."""

import msgspec

GOOGLE = "https://www.googleapis.com"


class Links(msgspec.Struct, frozen=True):
    """Absolute URLs for one request, by its Host. `base` ends in `/compute/v1/` or its alias."""

    base: str

    def project(self, project: str, path: str = "") -> str:
        """`zones/z/disks/d` in a project -> its URL; an empty path gives the project's own."""
        return f"{self.base}projects/{project}/{path}".rstrip("/")

    @staticmethod
    def image(project: str, name: str) -> str:
        """The URL of an image: always at Google's host, since Terraform accepts no other."""
        return f"{GOOGLE}/compute/v1/projects/{project}/global/images/{name}"
