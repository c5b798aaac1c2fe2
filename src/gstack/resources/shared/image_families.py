"""Which family and which of Google's public image projects a template belongs to. Pure.

The family is the template's tag `family`. The family of a public template without this tag follows from its OS type,
written like Google's families: `Debian GNU/Linux 12 (64-bit)` is `debian-12`, `Ubuntu 24.04 LTS` is `ubuntu-2404-lts`.
data/image_projects.toml lists the projects.
"""

import re
import tomllib
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

from gstack.resources.shared.naming import slug

_DATA = tomllib.loads((files("gstack") / "data" / "image_projects.toml").read_text())
PUBLIC_PROJECTS = frozenset[str](_DATA["projects"])  # all of them exist, even without images
_PROJECTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), project) for pattern, project in _DATA["families"].items()
)


@lru_cache(4096)  # every listing calls it for every template
def public_project_of(family: str) -> str:
    """The public image project of a family; empty where Google has none for it."""
    return next((project for pattern, project in _PROJECTS if pattern.fullmatch(family)), "")


@lru_cache(4096)
def family_of(os_type: str) -> str:
    """The family that the name of a CloudStack OS type stands for; empty for `Other …` and the like."""
    plain = re.sub(r"\(.*?\)|\b(64|32)[- ]?bit\b|gnu/linux", " ", os_type, flags=re.IGNORECASE).strip()
    for pattern, make in _FAMILIES:
        if found := re.match(pattern, plain, re.IGNORECASE):
            return make(found)
    if not plain or re.match(r"(other|none|unknown|default)\b", plain, re.IGNORECASE):
        return ""
    return slug(re.sub(r"(\d+)(\.\d+)+", r"\1", plain))


def _major(family: str) -> Callable[[re.Match[str]], str]:
    return lambda found: f"{family}-{found['major']}"


def _ubuntu(found: re.Match[str]) -> str:
    release = f"ubuntu-{found['major']}{found['minor']}"
    long_term = int(found["major"]) % 2 == 0 and found["minor"] == "04"
    return f"{release}-lts" if long_term else release


_MAJOR = r"\D*?(?P<major>\d+)"
_FAMILIES: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (rf"debian{_MAJOR}", _major("debian")),
    (r"ubuntu\D*?(?P<major>\d+)\.(?P<minor>\d+)", _ubuntu),
    (rf"centos stream{_MAJOR}", _major("centos-stream")),
    (rf"centos{_MAJOR}", _major("centos")),
    (rf"rocky{_MAJOR}", _major("rocky-linux")),
    (rf"alma\s*linux{_MAJOR}", _major("almalinux")),
    (rf"(red hat|redhat|rhel){_MAJOR}", _major("rhel")),
    (rf"oracle{_MAJOR}", _major("oracle-linux")),
    (r"opensuse leap", lambda _found: "opensuse-leap"),
    (rf"opensuse{_MAJOR}", _major("opensuse")),
    (rf"(suse|sles){_MAJOR}", _major("sles")),
    (r"fedora coreos", lambda _found: "fedora-coreos-stable"),
    (rf"fedora{_MAJOR}", _major("fedora")),
    (r"windows server\D*?(?P<major>\d{4}( r2)?)", lambda found: slug(f"windows {found['major']}")),
)
