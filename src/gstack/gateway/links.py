"""Absolute URLs of resources in the answer to a request."""

import re

import msgspec

GOOGLE = "https://www.googleapis.com"
_TERRAFORM = re.compile(r"terraform|pulumi|opentofu", re.IGNORECASE)  # products of Terraform's google provider


class Links(msgspec.Struct, frozen=True):
    """Absolute URLs for the Host of a request. `base` ends in `/compute/v1/` or another version.

    `images` is the same for images. Terraform's google provider takes an image URL at Google's host alone, so it gets
    one; other clients follow the link, with their token, and get one that leads to this server.
    """

    base: str
    images: str = ""

    @classmethod
    def to_client(cls, base: str, user_agent: str) -> "Links":
        """Return the links for a client with this User-Agent."""
        return cls(base, f"{GOOGLE}/compute/v1/" if _TERRAFORM.search(user_agent) else base)

    def project(self, project: str, path: str = "") -> str:
        """Return the URL of `zones/z/disks/d` in a project. An empty path gives the URL of the project."""
        return f"{self.base}projects/{project}/{path}".rstrip("/")

    def image(self, project: str, name: str) -> str:
        """Return the URL of an image."""
        return self.image_path(f"projects/{project}/global/images/{name}")

    def image_path(self, path: str) -> str:
        """Return the URL of the image or family with this path, which names its project."""
        return f"{self.images or self.base}{path}"
