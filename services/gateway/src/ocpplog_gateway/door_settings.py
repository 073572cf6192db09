"""Settings of the gateway's door: where it listens, who comes in, and how it goes to central systems."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from ocpplog_common.records import check_upstream, is_credentials_name
from ocpplog_common.settings import KafkaSettings
from ocpplog_gateway.handshake import Paths
from ocpplog_gateway.peers import Proxies


class DoorSettings(KafkaSettings):
    gateway_host: str = Field("127.0.0.1", description="Address the gateway listens on")
    gateway_port: int = Field(9310, ge=0, le=65535, description="Port the gateway listens on, without TLS")
    gateway_plain: bool = Field(
        True, description="Listen without TLS: for security profiles 0 and 1, or behind a proxy that ends TLS"
    )
    gateway_tls_cert_file: str = Field(
        "",
        description="Certificate of the TLS listener, and those between it and the root (PEM). "
        "Two files, comma-separated, for chargers that know only RSA, or only ECDSA",
    )
    gateway_tls_key_file: str = Field("", description="Key of that certificate (PEM), or keys in the same order")
    gateway_client_ca_file: str = Field(
        "",
        description="Authorities of chargers' certificates (PEM), for security profile 3; behind a proxy empty means: it checks",
    )
    gateway_tls_port: int = Field(0, ge=0, le=65535, description="Port the gateway listens on with TLS; 0: none")
    gateway_path: str = Field(
        "/ocpp",
        description="What comes before the charger id in the path; several, comma-separated. "
        "A segment * stands for any one, {site} for the id of the charger's site",
    )
    gateway_missing_subprotocol: Literal["refuse", "ocpp1.6"] = Field(
        "refuse", description="What to do with a charger that offers no subprotocol: refuse it, or take it as OCPP 1.6"
    )
    gateway_min_profile: int = Field(
        1, ge=0, le=3, description="Least OCPP security profile: 0 nothing, 1 password, 2 password and TLS, 3 client certificate"
    )
    gateway_certificate_organisation: str = Field("", description="Organisation that clients' certificates must name; empty: any")
    gateway_trusted_proxies: str = Field(
        "", description="Networks (CIDR, comma-separated) of proxies whose X-Forwarded-For, -Proto and client certificate count"
    )
    gateway_client_cert_header: str = Field(
        "",
        pattern=r"^[A-Za-z0-9-]*$",
        description="Header in which proxies hand on client certificates, as in RFC 9440 or nginx's $ssl_client_escaped_cert. "
        "They must overwrite what a client sends in it; empty: none is taken",
    )
    gateway_max_connections: int = Field(10_000, gt=0, description="Connections at once, from accept on; over it: 503")
    gateway_max_connections_per_peer: int = Field(
        1000, ge=0, description="Of one address (IPv6: /64); over it: 429. Fleets behind one address need more; 0: no limit"
    )
    gateway_peer_failures: int = Field(
        300, ge=0, description="Failed handshakes of one address (IPv6: /64) before it is answered 429; 0: no limit"
    )
    gateway_peer_failures_per_minute: float = Field(300.0, gt=0, description="How many of these it regains in a minute")
    gateway_charger_failures: int = Field(
        20, ge=0, description="Failed handshakes of one charger at one address before it is answered 429; 0: no limit"
    )
    gateway_charger_failures_per_minute: float = Field(10.0, gt=0, description="How many of these it regains in a minute")
    gateway_open_timeout_s: float = Field(20.0, gt=0, description="How long a handshake may take, TLS and upstream included")
    gateway_upstream: str = Field(
        "", description="Central system, ws:// or wss://, for chargers and sites without their own; the charger id is added"
    )
    gateway_credentials_dir: str = Field(
        "", description="Directory of the credentials for central systems: a file each, user:password, named as the records say"
    )
    gateway_upstream_credentials: str = Field(
        "", description="Name of the credentials for OCPPLOG_GATEWAY_UPSTREAM; empty: the charger's own are passed on"
    )
    gateway_upstream_ca_file: str = Field("", description="Authorities of wss:// central systems (PEM); empty: the system's")
    gateway_upstream_key_file: str = Field("", description="Key of the gateway's certificate towards central systems (PEM)")
    gateway_upstream_cert_file: str = Field(
        "", description="The gateway's certificate towards central systems (PEM); empty: none"
    )
    gateway_upstream_timeout_s: float = Field(10.0, gt=0, description="How long the central system's handshake may take")
    gateway_max_upstream_handshakes: int = Field(
        100, gt=0, description="Handshakes with one central system at once; more wait for their turn"
    )

    @field_validator("gateway_path")
    @classmethod
    def _paths(cls, value: str) -> str:
        return _checked(value, Paths)

    @field_validator("gateway_trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        return _checked(value, Proxies)

    @field_validator("gateway_upstream")
    @classmethod
    def _central_system(cls, value: str) -> str:
        return _checked(value, check_upstream) if value else value

    @field_validator("gateway_upstream_credentials")
    @classmethod
    def _credentials_name(cls, value: str, known: ValidationInfo) -> str:
        if value and not is_credentials_name(value):
            raise ValueError("a name of letters, digits and . _ -")
        if value and not known.data.get("gateway_credentials_dir"):
            raise ValueError("needs OCPPLOG_GATEWAY_CREDENTIALS_DIR")
        return value

    @field_validator("gateway_tls_port")
    @classmethod
    def _listener(cls, value: int, known: ValidationInfo) -> int:
        certs, keys = (files_of(known.data.get(f"gateway_tls_{name}_file", "")) for name in ("cert", "key"))
        if value and not (certs and len(certs) == len(keys)):
            raise ValueError("needs OCPPLOG_GATEWAY_TLS_CERT_FILE, and OCPPLOG_GATEWAY_TLS_KEY_FILE for each")
        if not value and known.data.get("gateway_plain") is False:
            raise ValueError("with OCPPLOG_GATEWAY_PLAIN=false there has to be a TLS port")
        return value

    @field_validator("gateway_upstream_cert_file")
    @classmethod
    def _has_key(cls, value: str, known: ValidationInfo) -> str:
        if bool(value) != bool(known.data.get("gateway_upstream_key_file")):
            raise ValueError("certificate and key go together: OCPPLOG_GATEWAY_UPSTREAM_KEY_FILE")
        return value

    @field_validator(
        "gateway_tls_cert_file",
        "gateway_tls_key_file",
        "gateway_client_ca_file",
        "gateway_upstream_ca_file",
        "gateway_upstream_key_file",
        "gateway_upstream_cert_file",
    )
    @classmethod
    def _is_there(cls, value: str) -> str:
        if not all(Path(file).is_file() for file in files_of(value)):
            raise ValueError("no such file")
        return value


def files_of(value: str) -> list[str]:
    """The files of a comma-separated setting."""
    return [file.strip() for file in value.split(",") if file.strip()]


def _checked(value: str, check: Callable[[str], object]) -> str:
    """`value` itself. The error does not repeat it: it may hold a secret."""
    check(value)
    return value
