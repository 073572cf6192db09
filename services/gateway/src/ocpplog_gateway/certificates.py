"""Client certificates of chargers (OCPP security profile 3): what is in them, and who vouches for them. No I/O."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from ocpplog_gateway.errors import CertificateError

_PEM = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate, whose chain is verified, was made for."""

    common_name: str
    organisation: str


def subject_of(certificate: x509.Certificate) -> Subject:
    """Raises CertificateError where a name is there twice: which one counts would be anybody's guess."""
    return Subject(_one(certificate, NameOID.COMMON_NAME), _one(certificate, NameOID.ORGANIZATION_NAME))


def from_der(der: bytes) -> x509.Certificate:
    """Raises CertificateError."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        # Read now: cryptography raises only when it comes to a part that is none.
        _ = certificate.subject, certificate.extensions
    except (ValueError, x509.UnsupportedGeneralNameType, x509.DuplicateExtension) as error:
        raise CertificateError("not a certificate") from error
    return certificate


def from_header(values: Sequence[str]) -> x509.Certificate | None:
    """The certificate that a proxy forwards: `Client-Cert` (RFC 9440, section 2.2), or nginx's `$ssl_client_escaped_cert`.

    None where there is none. Raises CertificateError, also where the header is there twice: one of them is not the proxy's.
    """
    found = [value.strip() for value in values if value.strip()]
    if not found:
        return None
    if len(found) > 1:
        raise CertificateError("the client certificate's header is there twice")
    return from_der(_der(found[0]))


def chain_from_header(values: Sequence[str]) -> list[x509.Certificate]:
    """The certificates between the charger's and the root: `Client-Cert-Chain` (RFC 9440, section 2.3)."""
    return [from_der(_der(item.strip())) for value in values for item in value.split(",") if item.strip()]


def check_dates(certificate: x509.Certificate, now: datetime) -> None:
    """Raises CertificateError outside of its validity. `now` is aware."""
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise CertificateError("the client certificate is not valid now")


class Authority:
    """Who vouches for chargers: the certificates of a PEM bundle. Raises ValueError for what is none."""

    def __init__(self, bundle: bytes) -> None:
        self._store = Store(x509.load_pem_x509_certificates(bundle))

    def check(self, certificate: x509.Certificate, between: Sequence[x509.Certificate], now: datetime) -> None:
        """Raises CertificateError unless the chain leads to one of them. `now` is aware."""
        # The rules of the web are for servers: chargers' certificates name them by their common name, not as a subjectAltName.
        authorities = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
        chargers = ExtensionPolicy.permit_all().may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _for_clients)
        builder = PolicyBuilder().store(self._store).time(now).extension_policies(ca_policy=authorities, ee_policy=chargers)
        try:
            builder.build_client_verifier().verify(certificate, list(between))
        except VerificationError as error:
            raise CertificateError("the client certificate is not from an authority of chargers") from error


def _for_clients(_: Policy, __: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    if usage and not {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(usage):
        raise ValueError("not for clients")


def _one(certificate: x509.Certificate, name: x509.ObjectIdentifier) -> str:
    found = certificate.subject.get_attributes_for_oid(name)
    if len(found) > 1:
        raise CertificateError("the client certificate's subject has a name twice")
    return str(found[0].value) if found else ""


def _der(text: str) -> bytes:
    """RFC 9440: a byte sequence of structured fields, `:base64:`. nginx: PEM, percent-encoded."""
    if len(text) > 1 and text.startswith(":") and text.endswith(":"):
        encoded = text[1:-1]
    elif unquote(text).startswith(_PEM):
        encoded = "".join(unquote(text).removeprefix(_PEM).partition("-----END")[0].split())
    else:
        raise CertificateError("the client certificate's header is neither RFC 9440 nor an escaped PEM")
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise CertificateError("the client certificate's header is not base64") from None
