"""The private authority and its server certificate."""

import ssl
import subprocess
import sys
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
    wanted = {
        "localhost",
        "127.0.0.1",
        "::1",
        "compute.localhost",
        "storage.localhost",
        "gce.example.org",
        "compute.gce.example.org",
        "10.0.0.5",
    }
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
    assert tls.check_own(certificate, key) > datetime.now(UTC) + timedelta(days=300)
    for cert, its_key, told in (
        (text, key, "text holds no certificate"),
        (certificate, text, "text holds no private key"),
        (certificate, foreign, "is not that of the first certificate"),
    ):
        with pytest.raises(ValueError, match=told):
            tls.check_own(cert, its_key)


def test_hosts_are_named_without_their_port(tmp_path: Path) -> None:
    """Settings may say a URL, a host with a port, or an address in brackets; a certificate names the host."""
    extra = ("https://gce.example.com:5952", "other.example:5000", "[2001:db8::1]:5000", "2001:db8::2", "10.0.0.5:1")
    shown = names(tls.ensure(tmp_path, extra)[1])
    assert {"gce.example.com", "other.example", "2001:db8::1", "2001:db8::2", "10.0.0.5"} <= shown
    assert not {name for name in shown if name.endswith((":5000", ":5952"))}


_ENSURE = (
    "import sys; from pathlib import Path; from gstack import tls; tls.ensure(Path(sys.argv[1]), tuple(sys.argv[2:]))"
)


def test_processes_that_start_at_once_leave_files_that_fit(tmp_path: Path) -> None:
    """Four processes on a new home, each with a name of its own: certificate, key and authority belong together."""
    for number in range(3):
        home = tmp_path / str(number)
        ours = [
            subprocess.Popen([sys.executable, "-c", _ENSURE, str(home), f"host{process}.example"])
            for process in range(4)
        ]
        assert [process.wait(60) for process in ours] == [0] * 4
        tls.check_own(home / "tls" / "server.pem", home / "tls" / "server.key")
        tls.check_own(home / "tls" / "ca.pem", home / "tls" / "ca.key")
        served = x509.load_pem_x509_certificate((home / "tls" / "server.pem").read_bytes())
        served.verify_directly_issued_by(x509.load_pem_x509_certificate((home / "tls" / "ca.pem").read_bytes()))


@pytest.mark.parametrize("harm", ["missing", "another's"])
def test_a_key_that_does_not_fit_is_made_anew(tmp_path: Path, harm: str) -> None:
    """A server whose key was lost or mixed up starts again, and clients go on trusting the same authority."""
    authority, certificate, key = tls.ensure(tmp_path / "one")
    trusted = authority.read_bytes()
    if harm == "missing":
        key.unlink()
    else:
        key.write_bytes(tls.ensure(tmp_path / "other")[2].read_bytes())
    tls.check_own(*tls.ensure(tmp_path / "one")[1:])
    assert authority.read_bytes() == trusted
    assert certificate.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("harm", ["missing", "another's"])
def test_an_authority_without_its_key_is_replaced_and_that_is_said(
    tmp_path: Path, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It could sign nothing that clients trust; the log tells that they need the new one."""
    authority, certificate, _ = tls.ensure(tmp_path / "one")
    assert "new authority" not in "".join(capsys.readouterr())
    signer = authority.with_name("ca.key")
    if harm == "missing":
        signer.unlink()
    else:
        signer.write_bytes((tls.ensure(tmp_path / "other")[0].with_name("ca.key")).read_bytes())
    before = authority.read_bytes()
    tls.ensure(tmp_path / "one")
    assert authority.read_bytes() != before
    assert "new authority" in "".join(capsys.readouterr())
    tls.check_own(authority, signer)
    x509.load_pem_x509_certificate(certificate.read_bytes()).verify_directly_issued_by(
        x509.load_pem_x509_certificate(authority.read_bytes())
    )


def test_telling_the_authority_changes_no_certificate(tmp_path: Path) -> None:
    """Who only shows what to trust knows no names, and reissues nothing; it makes what is not there yet."""
    made = tls.authority(tmp_path)
    assert made.read_bytes() == tls.ensure(tmp_path, ("gce.example.org",))[0].read_bytes()
    before = (tmp_path / "tls" / "server.pem").read_bytes()
    assert tls.authority(tmp_path) == made
    assert (tmp_path / "tls" / "server.pem").read_bytes() == before


def test_profiles_have_certificates_of_their_own(tmp_path: Path) -> None:
    """Two profiles with different hosts leave each other's certificate alone; the authority is the same."""
    first = tls.ensure(tmp_path, ("one.example",))
    before = first[1].read_bytes()
    second = tls.ensure(tmp_path, ("two.example",), profile="second")
    assert first[1].read_bytes() == before
    assert (second[0], second[1].name) == (first[0], "server-second.pem")
    assert "two.example" in names(second[1])
    assert "one.example" not in names(second[1])
    assert [path.read_bytes() for path in tls.ensure(tmp_path, ("one.example",))[1:]] == [before, first[2].read_bytes()]
