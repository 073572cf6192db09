"""TLS of the listener and towards central systems, with files that are renewed while it runs."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import structlog
from cryptography import x509

from ocpplog_gateway import metrics
from ocpplog_gateway.certificates import Authority
from ocpplog_gateway.door_settings import DoorSettings, files_of
from ocpplog_gateway.errors import GatewayError

_log = structlog.get_logger(__name__)
_Value = TypeVar("_Value")
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:AES128-GCM-SHA256:AES256-GCM-SHA384"
"""Of TLS 1.2. The last two lack forward secrecy, but a central system has to know them, and there are chargers that know nothing
else (OCPP 1.6 security whitepaper, A00.FR.317; OCPP 2.0.1 part 2, A00.FR.318)."""


class FromFiles(Generic[_Value]):
    """`value`, made anew by `refresh` when a file of it was replaced. What cannot be read leaves the older value in place.

    Raises what `load` raises, at first.
    """

    def __init__(self, files: Sequence[str], load: Callable[[], _Value]) -> None:
        self._files = [file for file in files if file]
        self._load = load
        self._seen = self._state()
        self._complained: object = None
        self.value = load()

    def refresh(self) -> None:
        try:
            state = self._state()
            if state == self._seen:
                return
            self.value, self._seen = self._load(), state
        except (OSError, ValueError) as error:
            # Certificate and key may be replaced one after the other: it is tried again.
            if str(error) != self._complained:
                _log.error("renewed files not readable, the older ones stay in force", files=self._files, error=str(error))
            self._complained = str(error)
            return
        self._complained = None
        _log.info("renewed", files=self._files)

    def _state(self) -> list[tuple[int, int, int]]:
        found = [Path(file).stat() for file in self._files]
        return [(stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in found]


def _listener(settings: DoorSettings) -> FromFiles[ssl.SSLContext]:
    """What a TLS listener serves with. Raises OSError or ValueError where the files are not what they should be."""
    certs, keys = files_of(settings.gateway_tls_cert_file), files_of(settings.gateway_tls_key_file)
    clients = settings.gateway_client_ca_file

    def load() -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_ciphers(_CIPHERS)
        for cert, key in zip(certs, keys, strict=True):
            context.load_cert_chain(cert, key)
        if clients:
            # Not required: a charger without one is answered why it is not let in.
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(clients)
        _show_expiry("listener", certs)
        return context

    return FromFiles([*certs, *keys, clients], load)


def _towards_central_systems(settings: DoorSettings) -> FromFiles[ssl.SSLContext]:
    """Raises OSError or ValueError."""
    authorities, cert, key = (
        settings.gateway_upstream_ca_file,
        settings.gateway_upstream_cert_file,
        settings.gateway_upstream_key_file,
    )

    def load() -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=authorities or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if cert:
            context.load_cert_chain(cert, key)
            _show_expiry("upstream", [cert])
        return context

    return FromFiles([authorities, cert, key], load)


def _authority_of_chargers(settings: DoorSettings) -> FromFiles[Authority] | None:
    """For certificates that a proxy hands on. Raises OSError or ValueError."""
    file = settings.gateway_client_ca_file
    return FromFiles([file], lambda: Authority(Path(file).read_bytes())) if file else None


def _show_expiry(use: str, files: Sequence[str]) -> None:
    """Of several, the first to expire."""
    expire = [x509.load_pem_x509_certificate(Path(file).read_bytes()).not_valid_after_utc for file in files]
    metrics.CERTIFICATE_EXPIRES.labels(use).set(min(expire).timestamp())


@dataclass(frozen=True, slots=True)
class Tls:
    """`listener` and `authority` are None where the settings name none."""

    listener: FromFiles[ssl.SSLContext] | None
    upstream: FromFiles[ssl.SSLContext]
    authority: FromFiles[Authority] | None

    def refresh(self) -> None:
        """Read again what was replaced. Connections keep what they were made with."""
        for files in (self.listener, self.upstream, self.authority):
            if files:
                files.refresh()


def load(settings: DoorSettings) -> Tls:
    """Raises GatewayError, which says what is wrong with which part."""
    try:
        part = "TLS listener"
        listener = _listener(settings) if settings.gateway_tls_port else None
        part = "TLS towards central systems"
        upstream = _towards_central_systems(settings)
        part = "OCPPLOG_GATEWAY_CLIENT_CA_FILE"
        return Tls(listener, upstream, _authority_of_chargers(settings))
    except (OSError, ValueError) as error:
        raise GatewayError(f"{part}: {error}") from error
