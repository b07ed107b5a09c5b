"""A certificate authority of one's own, for a firm without a domain: phones need HTTPS for camera and offline work.

The authority is made once and trusted once on each phone; the server's certificate is renewed when it runs out or the
machine's addresses change. Keys are readable by their owner only.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
SERVER_DAYS = 397
"""Longer than phones accept is no use."""
RENEW_BEFORE = timedelta(days=30)
EARLIER = timedelta(hours=1)
OUTSIDE = ("10.255.255.255", 1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files of the server's certificate with its key, and of the authority that phones are to trust."""

    chain: Path
    key: Path
    authority: Path


def local_addresses() -> list[str]:
    """The names and addresses by which this machine is reached in its own network."""
    found = ["localhost", "127.0.0.1", "::1", socket.gethostname()]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(OUTSIDE)  # sends nothing: only asks which way it would go
            found.append(probe.getsockname()[0])
        except OSError:
            pass  # no network: this machine only
    return list(dict.fromkeys(found))


def local_certificate(folder: Path, names: Sequence[str], now: datetime | None = None) -> Certificate:
    """The certificate for ``names``, made or renewed if need be."""
    moment = now or datetime.now(UTC)
    folder.mkdir(parents=True, exist_ok=True)
    paths = Certificate(folder / "server.pem", folder / "server.key", folder / "authority.pem")
    authority_key = folder / "authority.key"
    if not (paths.authority.exists() and authority_key.exists()):
        _make_authority(paths.authority, authority_key, moment)
        paths.chain.unlink(missing_ok=True)
    if not _serves(paths.chain, names, moment):
        _make_server(paths, authority_key, names, moment)
    return paths


def _make_authority(path: Path, key_path: Path, moment: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Dougong {socket.gethostname()}"[:64])])
    made = (
        _builder(name, name, key.public_key(), moment, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _keep_key(key_path, key)
    path.write_bytes(made.public_bytes(Encoding.PEM))


def _make_server(paths: Certificate, authority_key: Path, names: Sequence[str], moment: datetime) -> None:
    signer = load_pem_private_key(authority_key.read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    authority = x509.load_pem_x509_certificate(paths.authority.read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    made = (
        _builder(name, authority.subject, key.public_key(), moment, SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName([_alternative(n) for n in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    _keep_key(paths.key, key)
    paths.chain.write_bytes(made.public_bytes(Encoding.PEM) + paths.authority.read_bytes())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, moment: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - EARLIER)
        .not_valid_after(moment + timedelta(days=days))
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _keep_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _serves(path: Path, names: Sequence[str], moment: datetime) -> bool:
    """Whether a certificate is there that holds a while yet and names all of ``names``."""
    if not path.exists():
        return False
    found = x509.load_pem_x509_certificate(path.read_bytes())
    if found.not_valid_after_utc - RENEW_BEFORE < moment:
        return False
    told = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {_alternative(name) for name in names} <= set(told)
