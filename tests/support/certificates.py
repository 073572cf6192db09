"""Certificates for tests: an authority, and what it makes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def write(self, directory: Path, name: str) -> tuple[str, str]:
        """Paths of the certificate's file and of the key's."""
        cert, key = directory / f"{name}.crt", directory / f"{name}.key"
        private = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        key.write_bytes(private)
        cert.write_bytes(self.pem)
        return str(cert), str(key)

    def make(
        self,
        name: str,
        organisation: str = "",
        *,
        authority: bool | None = None,
        host: str = "",
        usage: x509.ObjectIdentifier | None = None,
        days: tuple[int, int] = (-1, 10),
        elliptic: bool = False,
    ) -> Made:
        """A certificate of this authority. `authority`: basicConstraints, None: without. `days`: validity, from today."""
        return make(name, organisation, self, authority, host, usage, days, elliptic)


def make(
    name: str,
    organisation: str = "",
    issuer: Made | None = None,
    authority: bool | None = None,
    host: str = "",
    usage: x509.ObjectIdentifier | None = None,
    days: tuple[int, int] = (-1, 10),
    elliptic: bool = False,
) -> Made:
    """RSA, since that is what the oldest chargers know, or ECDSA."""
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    key = ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa.generate_private_key(65537, 2048)
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else []
    if organisation:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    subject, now = x509.Name(attributes), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )
    if authority is not None:
        builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
    if host:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return Made(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def root(name: str = "chargers") -> Made:
    return make(name, authority=True)


SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH
