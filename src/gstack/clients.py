"""What makes each client work with this server: `gstack client NAME` prints it.

Shell code is exports only, for `eval`; nobody's settings are touched. Every variable was measured with the real client;
the reasons that are not plain stand beside them. CA bundles hold the system's authorities beside ours, since these
clients let a variable replace the whole list (terraform init would no longer reach its registry).
"""

import shlex
import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from gstack.auth.pages.console import Place, Texts
from gstack.tls import GOOGLE_NAMES, certificates, write_private


class Facts(msgspec.Struct, frozen=True):
    """What the texts are made from. `key_file` is for clients of googleapis.com, `universe_key_file` names us.

    `home` is a folder for the files of these clients. A path that begins with `~` is in the home folder of whoever
    copies the text. An empty `email` is read from the key.
    """

    url: str  # https://localhost:5000
    home: Path
    bundle: Path
    authority: Path
    key_file: Path
    universe_key_file: Path
    email: str
    project: str
    zone: str
    region: str

    @property
    def host(self) -> str:
        """`localhost:5000`."""
        return self.url.split("://")[1]


def shell(exports: Mapping[str, object], notes: tuple[str, ...] = ()) -> str:
    """Exports for `eval`, each value quoted, after comment lines."""
    comments = [f"# {note}" for note in notes]
    return "\n".join([*comments, *(f"export {name}={word(value)}" for name, value in exports.items())])


def word(value: object) -> str:
    """A value as one word of a shell; a `~` at its beginning stays the home folder."""
    text = str(value)
    return f'"$HOME"/{shlex.quote(text[2:])}' if text.startswith("~/") else shlex.quote(text)


def _python_path(path: Path) -> str:
    text = str(path)
    return f"os.path.expanduser({text!r})" if text.startswith("~/") else repr(text)


def bundle(folder: Path, authority: Path) -> Path:
    """Write the system's certificate authorities and ours into one file of the folder; return its path."""
    path = folder / "bundle.pem"
    system = ssl.get_default_verify_paths().openssl_cafile
    bundles = [Path(candidate) for candidate in (system, *_SYSTEM_BUNDLES) if Path(candidate).is_file()]
    parts = [bundles[0].read_bytes()] if bundles else []
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, b"\n".join([*parts, certificates(authority)]), mode=0o644)
    return path


_SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, Red Hat
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, BSD
)


def gcloud(facts: Facts) -> str:
    """gcloud, in a configuration folder of its own.

    The override has the path of v1: without it gcloud cannot read some references that it made itself (`disks create`
    with `--image-family` or `--source-snapshot`). `gcloud beta` and `alpha` go there too; all are one API here.
    """
    return shell(
        {
            "CLOUDSDK_CONFIG": facts.home / "gcloud",
            "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": f"{facts.url}/compute/v1/",
            "CLOUDSDK_AUTH_TOKEN_HOST": f"{facts.url}/oauth2/token",
            "CLOUDSDK_AUTH_AUTH_HOST": f"{facts.url}/oauth2/auth",
            "CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE": facts.key_file,
            "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": facts.bundle,
            "REQUESTS_CA_BUNDLE": facts.bundle,  # the refresh of a key file's token looks here only
            "CLOUDSDK_CORE_PROJECT": facts.project,
            "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
            "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
            "CLOUDSDK_SURVEY_DISABLE_PROMPTS": "true",
            "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
            "CLOUDSDK_COMPUTE_ZONE": facts.zone,
            "CLOUDSDK_COMPUTE_REGION": facts.region,
        }
    )


def gcloud_login(facts: Facts) -> str:
    """For gcloud without a key file: its user signs in at our pages, with gcloud's own client id."""
    lines = [line for line in gcloud(facts).splitlines() if "CREDENTIAL_FILE_OVERRIDE" not in line]
    return "\n".join([*lines, "gcloud auth login"])


def python(facts: Facts) -> str:
    """Google's Python libraries. The key names us as its universe, so that no library sends it to Google."""
    name = f"compute.{facts.host.rsplit(':', 1)[0]}"
    by_name = ("google-cloud-compute: compute_v1.InstancesClient() finds everything in these variables",)
    # `client_options` would not do: to wait for operations the library makes clients of its own, without options.
    by_endpoint = (
        f"google-cloud-compute: this machine does not resolve {name}. Begin the program with:",
        "  from google.cloud import compute_v1",
        "  for name in dir(compute_v1):",
        '      if name.endswith("Client"):',
        f'          getattr(compute_v1, name)._DEFAULT_ENDPOINT_TEMPLATE = "{facts.host}"',
        "then compute_v1.InstancesClient() finds everything in these variables",
    )
    document = f"{facts.url}/discovery/v1/apis/{{api}}/{{apiVersion}}/rest"
    notes = (
        *(by_name if _resolves(name) else by_endpoint),
        f"google-api-python-client: build('compute', 'v1', discoveryServiceUrl='{document}')",
    )
    return shell(
        {
            "GOOGLE_APPLICATION_CREDENTIALS": facts.universe_key_file,
            "GOOGLE_CLOUD_UNIVERSE_DOMAIN": facts.host,
            "GOOGLE_CLOUD_PROJECT": facts.project,
            "NO_GCE_CHECK": "true",
            "REQUESTS_CA_BUNDLE": facts.bundle,
            "HTTPLIB2_CA_CERTS": facts.bundle,
        },
        notes,
    )


def _resolves(name: str) -> bool:
    try:
        return bool(socket.getaddrinfo(name, None))
    except OSError:
        return False


def terraform(facts: Facts) -> str:
    """Terraform's google provider: everything in variables, an empty `provider "google" {}` is enough."""
    return shell(
        {
            "GOOGLE_COMPUTE_CUSTOM_ENDPOINT": f"{facts.url}/compute/v1/",
            "GOOGLE_CREDENTIALS": facts.key_file,
            "GOOGLE_PROJECT": facts.project,
            "GOOGLE_ZONE": facts.zone,
            "GOOGLE_REGION": facts.region,
            "SSL_CERT_FILE": facts.bundle,
        },
        (
            'In the configuration: provider "google" { poll_interval = "1s" }',
            "To keep the provider from showing its token to Google's userinfo service, set there too:",
            f'  universe_domain = "{facts.host}"   credentials = "{facts.universe_key_file}"',
        ),
    )


def cloudstack(endpoint: str, api_key: str, secret_key: str) -> str:
    """Any CloudStack client that reads these, for the sandbox's demo account."""
    values = {"CLOUDSTACK_ENDPOINT": endpoint, "CLOUDSTACK_KEY": api_key, "CLOUDSTACK_SECRET": secret_key}
    return shell(values)


def libcloud(facts: Facts) -> str:
    """Python code: libcloud's own host and port arguments do not work in its GCE driver.

    It keeps its token in a file, by default one for every server that knows the same e-mail: so it gets its own.
    """
    key_file = _python_path(facts.key_file)
    email = repr(facts.email) if facts.email else f'json.load(open({key_file}))["client_email"]'
    return f"""\
# apache-libcloud: Python code to begin with
import json
import os

import libcloud.security
from libcloud.common.google import GoogleBaseAuthConnection
from libcloud.compute.drivers.gce import GCEConnection
from libcloud.compute.providers import get_driver
from libcloud.compute.types import Provider

libcloud.security.CA_CERTS_PATH = {_python_path(facts.bundle)}
for connection in (GCEConnection, GoogleBaseAuthConnection):
    connection.base_url, connection.host = {facts.url!r}, {facts.host!r}
driver = get_driver(Provider.GCE)(
    {email}, {key_file}, project={facts.project!r}, datacenter={facts.zone!r},
    credential_file={_python_path(facts.key_file.with_name("libcloud-token"))},
)"""


def gcutil(facts: Facts) -> str:
    """What gcutil 1.15 needs: its bundled TLS library reads authorities from a module that PYTHONPATH can bring."""
    folder = facts.home / "gcutil"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    code = f"def get():\n    return {str(facts.bundle)!r}\n"
    write_private(folder / "ca_certs_locater.py", code.encode(), mode=0o644)
    return gcutil_settings(facts, folder)


def gcutil_settings(facts: Facts, folder: Path) -> str:
    """The settings of gcutil where `folder` holds that module."""
    return f"""\
# gcutil 1.15 (Python 2). Put the options behind `gcutil` or into ~/.gcutil.flags
export PYTHONPATH={word(folder)}
# gcutil --project={facts.project} --api_host={facts.url}/ --authorization_uri_base={facts.url}/oauth2 \\
#        --auth_service_account= --nocheck_for_new_version listzones"""


def go(facts: Facts) -> str:
    """Google's Go library. Key and variable name the same universe; the endpoint saves a line in the hosts file."""
    return shell(
        {
            "GOOGLE_APPLICATION_CREDENTIALS": facts.universe_key_file,
            "GOOGLE_CLOUD_UNIVERSE_DOMAIN": facts.host,
            "GOOGLE_CLOUD_PROJECT": facts.project,
            "SSL_CERT_FILE": facts.bundle,
        },
        (
            "cloud.google.com/go/compute/apiv1, in the program:",
            f'  client, err := compute.NewInstancesRESTClient(ctx, option.WithEndpoint("{facts.url}"))',
        ),
    )


def ansible(facts: Facts) -> str:
    """Ansible's google.cloud: it has no option for the endpoint, so its host names are led here."""
    names = " ".join(GOOGLE_NAMES)
    notes = (
        "google.cloud modules know no other endpoint than Google's. Lead the names here, as root, on this machine:",
        f"  echo '127.0.0.1 {names}' >> /etc/hosts",
        "and let the server listen on port 443: gstack serve --port 443",
    )
    return shell(
        {
            "GCP_AUTH_KIND": "serviceaccount",
            "GCP_SERVICE_ACCOUNT_FILE": facts.key_file,
            "GCP_PROJECT": facts.project,
            "REQUESTS_CA_BUNDLE": facts.bundle,
        },
        notes,
    )


CLIENTS: Mapping[str, Callable[[Facts], str]] = {
    "gcloud": gcloud,
    "python": python,
    "go": go,
    "terraform": terraform,
    "libcloud": libcloud,
    "gcutil": gcutil,
    "ansible": ansible,
}

_DOWNLOADS = Path("~/gstack")  # where the console's texts expect the downloads, in the home of whoever copies them
_CONSOLE_TITLES = {
    "gcloud": "gcloud, with a key file",
    "terraform": "Terraform",
    "python": "Python",
    "go": "Go",
    "libcloud": "Apache Libcloud",
    "ansible": "Ansible",
}
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


def console_texts(place: Place) -> Texts:
    """Return what the console shows for copying: the settings of every client for a place."""
    facts = Facts(
        url=place.url,
        home=_DOWNLOADS,
        bundle=_DOWNLOADS / "bundle.pem",
        authority=_DOWNLOADS / "ca.pem",
        key_file=_DOWNLOADS / "key.json",
        universe_key_file=_DOWNLOADS / "universe-key.json",
        email=place.email,
        project=place.project,
        zone=place.zone,
        region=place.region,
    )
    texts = [(title, CLIENTS[name](facts)) for name, title in _CONSOLE_TITLES.items()]
    texts.append(("gcutil 1.15", gcutil_settings(facts, _DOWNLOADS)))
    return Texts(_PREPARATION, gcloud_login(facts), tuple(texts))
