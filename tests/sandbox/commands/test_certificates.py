"""Certificates of balancers in the sandbox."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from fixtures.networking import tier, vpc


def _pair() -> dict[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.org")])
    built = x509.CertificateBuilder(name, name, key.public_key(), 1)
    built = built.not_valid_before(datetime(2026, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
    return {
        "certificate": built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode(),
        "privatekey": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    }


def _rule(client: Any, protocol: str) -> str:
    parent = vpc(client)["id"]
    address = client.ok("associateIpAddress", vpcid=parent)["ipaddress"]["id"]
    sent = {"name": "lb", "algorithm": "source", "publicport": 443, "privateport": 80, "publicipid": address}
    rule = client.ok("createLoadBalancerRule", networkid=tier(client, parent)["id"], protocol=protocol, **sent)
    identity: str = rule["loadbalancer"]["id"]
    return identity


def test_certificate_in_use_stays(demo: Any) -> None:
    """A certificate is shown with its rule, and can be deleted when the rule has let go of it."""
    rule, certificate = _rule(demo, "ssl"), demo.ok("uploadSslCert", name="web", **_pair())["sslcert"]["id"]
    assert demo.ok("listSslCerts", lbruleid=rule) == {}
    demo.ok("assignCertToLoadBalancer", lbruleid=rule, certid=certificate)
    assert demo.ok("listSslCerts", lbruleid=rule)["sslcert"][0]["loadbalancerrulelist"] == [rule]
    assert demo.failure("deleteSslCert", id=certificate)[0] == 530
    demo.ok("removeCertFromLoadBalancer", lbruleid=rule)
    assert demo.ok("deleteSslCert", id=certificate) == {"success": True}
    assert demo.failure("deleteSslCert", id=certificate)[0] == 431


def test_certificate_goes_to_an_ssl_rule_alone(demo: Any) -> None:
    """A rule of another protocol takes no certificate."""
    certificate = demo.ok("uploadSslCert", name="lonely", **_pair())["sslcert"]["id"]
    assert demo.failure("assignCertToLoadBalancer", lbruleid=_rule(demo, "tcp"), certid=certificate)[0] == 431


def test_bad_certificates_are_refused(demo: Any) -> None:
    """What is not a certificate or not a key is 530."""
    assert demo.failure("uploadSslCert", name="bad", **{**_pair(), "privatekey": "key"})[0] == 530
    assert demo.failure("uploadSslCert", name="bad", **{**_pair(), "certificate": "certificate"})[0] == 530


def test_list_needs_something_to_go_by(demo: Any, other: Any) -> None:
    """Listing certificates by nothing is 530; another account sees none."""
    certificate = demo.ok("uploadSslCert", name="seen", **_pair())["sslcert"]["id"]
    assert demo.failure("listSslCerts")[0] == 530
    assert demo.ok("listSslCerts", certid=certificate)["sslcert"][0]["name"] == "seen"
    assert other.ok("listSslCerts", certid=certificate) == {}
