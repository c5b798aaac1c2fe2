"""What the console shows of the other parts: zones as clients name them, settings of every client, our certificate."""

from collections.abc import Sequence
from pathlib import Path

from gstack import clients, tls
from gstack.auth.surroundings import Place, Texts, Zone
from gstack.clients import Facts
from gstack.cloudstack.client import CloudStack
from gstack.cloudstack.signing import KeyPair
from gstack.config import Settings
from gstack.resources.inventory.zones import Location, locations

_FOLDER = Path("~/gstack")  # where the texts expect the downloads, on the machine of whoever copies them
_TITLES = {
    "gcloud": "gcloud, with a key file",
    "terraform": "Terraform",
    "python": "Python",
    "go": "Go",
    "libcloud": "Apache Libcloud",
    "ansible": "Ansible",
}


class ConsoleSurroundings:
    """Implements gstack.auth.surroundings.Surroundings."""

    def __init__(self, settings: Settings, cloudstack: CloudStack) -> None:
        self._settings = settings
        self._cloudstack = cloudstack

    async def zones(self, keys: KeyPair) -> Sequence[Zone]:
        """The zones that a key pair sees; those with names that every client can take apart come first."""
        found = await locations(self._cloudstack.client(keys), self._settings.names)
        ordered = sorted(found.all, key=lambda place: (place.zone != place.alias, place.zone))
        return [Zone(place.zone, place.region, _kind(place)) for place in ordered]

    def texts(self, place: Place) -> Texts:
        """Settings of every client for a place."""
        facts = Facts(
            url=place.url,
            home=_FOLDER,
            bundle=_FOLDER / "bundle.pem",
            authority=_FOLDER / "ca.pem",
            key_file=_FOLDER / "key.json",
            universe_key_file=_FOLDER / "universe-key.json",
            email=place.email,
            project=place.project,
            zone=place.zone,
            region=place.region,
        )
        shown = [(title, clients.CLIENTS[name](facts)) for name, title in _TITLES.items()]
        shown.append(("gcutil 1.15", clients.gcutil_settings(facts, _FOLDER)))
        return Texts(_PREPARATION, clients.gcloud_login(facts), tuple(shown))

    def authority(self) -> bytes:
        """The certificate that clients must trust (PEM)."""
        given = self._settings.server.cert
        return tls.certificates(Path(given or tls.authority(self._settings.home)))


def _kind(place: Location) -> str:
    if not place.advanced:
        return "basic network with security groups"
    return "security groups" if place.security_groups else "VPC networks"


_PREPARATION = """\
mkdir -p ~/gstack && cd ~/gstack
mv ~/Downloads/ca.pem .
mv "$(ls -t ~/Downloads/*-universe-*.json | head -1)" universe-key.json
mv "$(ls -t ~/Downloads/*-key-*.json | head -1)" key.json
chmod 600 *.json
# the system's certificate authorities and this server's (macOS: /etc/ssl/cert.pem)
cat /etc/ssl/certs/ca-certificates.crt ca.pem > bundle.pem
# only for gcutil
echo "def get(): return '$PWD/bundle.pem'" > ca_certs_locater.py"""
