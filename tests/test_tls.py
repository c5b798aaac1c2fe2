"""The private authority and its server certificate."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from gstack import tls


def names(certificate: Path) -> set[str]:
    parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
    shown = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in shown}


def test_first_start_makes_an_authority_and_a_certificate_for_every_name(tmp_path: Path) -> None:
    """All names that clients ask for are in the certificate; keys are private."""
    authority, certificate, key = tls.ensure(tmp_path, ("gce.example.org", "10.0.0.5"))
    wanted = {"localhost", "127.0.0.1", "::1", "compute.localhost", "storage.localhost", "gce.example.org", "10.0.0.5"}
    assert wanted | {"compute.googleapis.com", "accounts.google.com"} <= names(certificate)
    assert key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "tls" / "ca.key").stat().st_mode & 0o777 == 0o600
    ssl.create_default_context(cafile=str(authority)).load_cert_chain(certificate, key)


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    """What is good stays: clients keep trusting it."""
    before = [path.read_bytes() for path in tls.ensure(tmp_path)]
    assert [path.read_bytes() for path in tls.ensure(tmp_path)] == before


def test_the_certificate_is_renewed_before_its_end_and_the_authority_stays(tmp_path: Path) -> None:
    """Within 30 days of its end a new certificate comes from the same authority."""
    authority, certificate, _ = tls.ensure(tmp_path)
    before, trusted = certificate.read_bytes(), authority.read_bytes()
    later = datetime.now(UTC) + timedelta(days=370)
    tls.ensure(tmp_path, now=later)
    assert certificate.read_bytes() != before
    assert authority.read_bytes() == trusted
    assert x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc > later + timedelta(days=300)


def test_a_new_name_gets_a_new_certificate(tmp_path: Path) -> None:
    """A bind address that was not in the certificate is added."""
    _, certificate, _ = tls.ensure(tmp_path)
    tls.ensure(tmp_path, ("gce.example.org",))
    assert "gce.example.org" in names(certificate)


def test_broken_files_are_replaced(tmp_path: Path) -> None:
    """A damaged authority or certificate does not keep the server from starting."""
    authority, certificate, _ = tls.ensure(tmp_path)
    authority.write_text("no certificate")
    certificate.write_text("no certificate")
    authority, certificate, key = tls.ensure(tmp_path)
    ssl.create_default_context(cafile=str(authority)).load_cert_chain(certificate, key)


def test_one_s_own_certificate_is_checked(tmp_path: Path) -> None:
    """It is said which file is wrong: no certificate, no key, or a key of another one."""
    _, certificate, key = tls.ensure(tmp_path / "one")
    _, _, foreign = tls.ensure(tmp_path / "other")
    text = tmp_path / "text"
    text.write_text("no PEM")
    tls.check_own(certificate, key)
    for cert, its_key, told in (
        (text, key, "text holds no certificate"),
        (certificate, text, "text holds no private key"),
        (certificate, foreign, "is not that of the first certificate"),
    ):
        with pytest.raises(ValueError, match=told):
            tls.check_own(cert, its_key)
