"""A private certificate authority for this server, made on first start and renewed before it ends.

`$GSTACK_HOME/tls/` holds `ca.pem` (what clients trust), `ca.key`, `server.pem` and `server.key`; keys have mode 0600.
Profiles other than `initial` have a `server-<profile>.pem` and `.key`. The certificate names every host that Google's
clients connect to: localhost, the bind address, the host of the public URL, the names of the universe domain, and
Google's own hosts for users who redirect them here. Such a certificate is dangerous in other hands, so each
installation has its own authority, whose key never leaves the folder.

Every file is whole at any time. One process at a time changes them, and a certificate without its key is replaced.
"""

import fcntl
import ipaddress
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_AUTHORITY_DAYS = 3650
_SERVER_DAYS = 397
_RENEW_DAYS = 30
_GOOGLE = ("compute", "www", "oauth2", "openidconnect", "iamcredentials", "storage")

LOCAL_NAMES = ("localhost", "compute.localhost", "storage.localhost")
GOOGLE_NAMES = (*(f"{name}.googleapis.com" for name in _GOOGLE), "accounts.google.com")
ADDRESSES = ("127.0.0.1", "::1")

_log = structlog.get_logger("gstack.tls")


def ensure(
    home: Path, extra: tuple[str, ...] = (), now: datetime | None = None, *, profile: str = "initial"
) -> tuple[Path, Path, Path]:
    """Return the paths of the authority, the server's certificate and its key; make or renew what is due.

    `extra` are more host names or addresses, with or without a port, or URLs. Clients whose universe domain is such a
    name connect to its `compute` and `storage`. The certificate is renewed 30 days before its end, when a name is new,
    and when its key is missing or does not fit. Each profile has its own, since servers of several profiles have
    different names and may run at once.
    """
    moment = now or datetime.now(UTC)
    more = (one for name in extra for one in _with_universe(host_of(name)))
    names = tuple(dict.fromkeys((*LOCAL_NAMES, *ADDRESSES, *GOOGLE_NAMES, *more)))
    with _alone(home) as folder:
        authority, key = _authority(folder, moment)
        files = server_files(home, profile)
        if not _serves(files, names, authority, moment):
            _issue(files, authority, key, names, moment)
    return folder / "ca.pem", *files


def server_files(home: Path, profile: str) -> tuple[Path, Path]:
    """Return the paths of a profile's certificate and key, whether they exist or not."""
    name = "server" if profile == "initial" else f"server-{profile}"
    return home / "tls" / f"{name}.pem", home / "tls" / f"{name}.key"


def authority(home: Path) -> Path:
    """Return the path of the authority's certificate. It is made where there is none; nothing else changes."""
    path = home / "tls" / "ca.pem"
    if not path.exists():
        with _alone(home) as folder:
            _authority(folder, datetime.now(UTC))
    return path


def host_of(name: str) -> str:
    """Return the host name or address in a URL or in `host:port`; an IPv6 address without its brackets."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return urlsplit(name if "://" in name else f"//{name}").hostname or ""


def _with_universe(host: str) -> tuple[str, ...]:
    if not host or isinstance(_general(host), x509.IPAddress):
        return (host,) if host else ()
    return host, f"compute.{host}", f"storage.{host}"


@contextmanager
def _alone(home: Path) -> Iterator[Path]:
    """The folder of the files; one process at a time is in here."""
    folder = home / "tls"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(descriptor)


def certificates(path: Path) -> bytes:
    """The certificates in a PEM file, and nothing else of it: people keep their key in the same file."""
    found = x509.load_pem_x509_certificates(path.read_bytes())
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in found)


def check_own(cert: Path, key: Path) -> datetime:
    """Check a certificate and key of the user's own; return the end of the certificate.

    Raises ValueError, whose text says which file is wrong and why.
    """
    try:
        found = x509.load_pem_x509_certificates(cert.read_bytes())
    except ValueError as error:
        raise ValueError(f"{cert} holds no certificate in PEM form.") from error
    try:
        serialization.load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(f"{key} holds no private key in PEM form that can be read without a password.") from error
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    except ssl.SSLError as error:
        raise ValueError(f"The key in {key} is not that of the first certificate in {cert}.") from error
    return found[0].not_valid_after_utc


def _authority(folder: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The authority in the folder. A new one is what every client must be told of, so it is logged with its reason."""
    if not (folder / "ca.pem").exists() and not (folder / "ca.key").exists():
        return _new_authority(folder, now)
    pair = _read_pair(folder / "ca.pem", folder / "ca.key")
    if pair is None:
        return _another_authority(folder, now, "its key is missing or not that of its certificate")
    if pair[0].not_valid_after_utc <= now + timedelta(days=_SERVER_DAYS):
        return _another_authority(folder, now, "it ends before a certificate of its would")
    return pair


def _read_pair(cert: Path, key: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
    """A certificate and its key; None where one is missing or broken, or they do not fit."""
    try:
        certificate = x509.load_pem_x509_certificate(cert.read_bytes())
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != certificate.public_key():
        return None
    return certificate, private


def _another_authority(folder: Path, now: datetime, reason: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    _log.warning("a new authority was made: clients must trust it anew", file=str(folder / "ca.pem"), reason=reason)
    return _new_authority(folder, now)


def _new_authority(folder: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"gstack private authority {os.urandom(4).hex()}")])
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = _builder(name, name, key.public_key(), now, _AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = builder.add_extension(identifier, critical=False).sign(key, hashes.SHA256())
    write_private(folder / "ca.key", _pem(key))
    write_private(folder / "ca.pem", certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)
    return certificate, key


def _issue(
    files: tuple[Path, Path],
    authority: x509.Certificate,
    signer: ec.EllipticCurvePrivateKey,
    names: tuple[str, ...],
    now: datetime,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = _builder(subject, authority.subject, key.public_key(), now, _SERVER_DAYS)
    builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    certificate = builder.add_extension(identifier, critical=False).sign(signer, hashes.SHA256())
    write_private(files[1], _pem(key))
    write_private(files[0], certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _serves(files: tuple[Path, Path], names: tuple[str, ...], authority: x509.Certificate, now: datetime) -> bool:
    pair = _read_pair(*files)
    if pair is None:
        return False
    certificate = pair[0]
    try:
        certificate.verify_directly_issued_by(authority)
        shown = set(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except (ValueError, TypeError, x509.ExtensionNotFound, InvalidSignature):
        return False
    due = certificate.not_valid_after_utc - timedelta(days=_RENEW_DAYS)
    return now < due and {_general(name) for name in names} <= shown


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_private(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all, with its mode from the first byte."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    partial.replace(path)
