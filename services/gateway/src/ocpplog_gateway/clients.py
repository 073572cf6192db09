"""The client certificate of a connection: from its TLS, or from the proxy that ended it."""

from __future__ import annotations

from datetime import UTC, datetime

from websockets.datastructures import Headers

from ocpplog_common.clock import Clock
from ocpplog_gateway import certificates
from ocpplog_gateway.certificates import Authority, Subject
from ocpplog_gateway.door import GuardedConnection
from ocpplog_gateway.errors import CertificateError, Refusal
from ocpplog_gateway.tls import FromFiles

_CHAIN_HEADER = "Client-Cert-Chain"


class Clients:
    """`header`: in which trusted proxies hand certificates on; empty: they hand on none, and what a client sends proves nothing.
    `authority`: who vouches for them; None: the proxy checked."""

    def __init__(self, header: str, authority: FromFiles[Authority] | None, clock: Clock) -> None:
        self._header = header
        self._authority = authority
        self._clock = clock

    def certificate(self, connection: GuardedConnection, headers: Headers) -> Subject | None:
        """Whom the charger's verified certificate was made for; None where it shows none. Raises Refusal (403)."""
        try:
            return self._of_proxy(headers) if connection.behind_proxy else _of_tls(connection)
        except CertificateError as error:
            raise Refusal(403, "certificate", str(error)) from error

    def _of_proxy(self, headers: Headers) -> Subject | None:
        certificate = certificates.from_header(headers.get_all(self._header)) if self._header else None
        if certificate is None:
            return None
        now = datetime.fromtimestamp(self._clock.now_us() / 1_000_000, UTC)
        certificates.check_dates(certificate, now)
        if self._authority:
            between = certificates.chain_from_header(headers.get_all(_CHAIN_HEADER))
            self._authority.value.check(certificate, between, now)
        return certificates.subject_of(certificate)


def _of_tls(connection: GuardedConnection) -> Subject | None:
    """OpenSSL checked the chain: a connection with a certificate that it does not take is not made."""
    tls = connection.transport.get_extra_info("ssl_object")
    der = tls.getpeercert(binary_form=True) if tls else None
    return certificates.subject_of(certificates.from_der(der)) if der else None
