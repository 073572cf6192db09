"""Settings of the query API."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from ocpplog_common.settings import ClickHouseSettings, KafkaSettings, TraceSettings
from ocpplog_common.tokens import AUDIENCE, ROLE_CLAIM, SITES_CLAIM


class ApiSettings(ClickHouseSettings, KafkaSettings, TraceSettings):
    api_host: str = Field("127.0.0.1", description="Address the API listens on")
    api_port: int = Field(8080, ge=0, le=65535, description="Port the API listens on")
    api_health_host: str = Field(
        "127.0.0.1", description="Address of /livez, /readyz and /metrics, where they have a port of their own"
    )
    api_health_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port of /livez, /readyz and /metrics alone; 0: they are on the API's, open to all who reach it",
    )
    api_jwt_key_file: Path | None = Field(None, description="File with the key that signs tokens and cursors (HS256, hex)")
    api_jwks_url: str = Field("", description="JWKS of the OIDC issuer whose tokens are accepted; goes before the key file")
    api_jwt_issuer: str = Field(
        "", description="Issuer that tokens must name (iss); required with a JWKS. Empty: any, of those signed with the key file"
    )
    api_jwt_audience: str = Field(AUDIENCE, description="Audience that tokens must name")
    api_jwt_role_claim: str = Field(
        ROLE_CLAIM, min_length=1, description="Claim with the role, or a list with it; in other claims: realm_access.roles"
    )
    api_jwt_sites_claim: str = Field(
        SITES_CLAIM, min_length=1, description="Claim with the list of site ids, or *; dots as there"
    )
    api_jwks_refresh_s: float = Field(
        30.0, gt=0, description="How often the JWKS may be read at most, for tokens signed with an unknown key"
    )
    api_oidc_authority: str = Field("", description="OIDC issuer at which people sign in to the dashboard; empty: with a token")
    api_oidc_client_id: str = Field("", description="The dashboard's client id there: a public client, with PKCE")
    api_oidc_scopes: str = Field("openid profile", description="What the dashboard asks for there")
    api_oidc_origins: list[str] = Field(
        [], description="Further origins of that issuer, where its token endpoint has another than the issuer (JSON list)"
    )
    api_cors_origins: list[str] = Field([], description="Origins whose pages may call the API (JSON list)")
    api_max_seconds: float = Field(30.0, gt=0, description="How long a query may take in ClickHouse")
    api_max_memory_bytes: int = Field(2 * 1024**3, gt=0, description="How much memory a query may take in ClickHouse")
    api_max_rows_read: int = Field(1_000_000_000, gt=0, description="How many rows a query may read in ClickHouse")
    api_max_bytes_read: int = Field(32 * 1024**3, gt=0, description="How many bytes a query may read in ClickHouse, uncompressed")
    api_count_seconds: float = Field(
        2.0, gt=0, description="How long `count=true` may take; then the page's own entries are given as a lower bound"
    )
    api_facet_rows: int = Field(5_000_000, gt=0, description="How many entries facets are counted over: of more, the newest ones")
    api_max_page: int = Field(1000, gt=0, description="Most entries of a page")
    api_max_export: int = Field(10_000, gt=0, description="Most entries of an export")
    api_export_seconds: float = Field(300.0, gt=0, description="How long a download may take, by whoever is slow")

    api_max_spreadsheets: int = Field(
        8, gt=0, description="Spreadsheets (xlsx) on disk at once, half of them of one caller; more wait 10 s, then 503 or 429"
    )
    api_max_spreadsheet_bytes: int = Field(
        384 * 1024**2,
        gt=0,
        le=2_000_000_000,
        description="Most bytes of a spreadsheet's rows on disk, unpacked; over it, the download breaks off",
    )

    api_max_tails: int = Field(200, ge=0, description="Clients that may follow the log at once")
    api_max_tails_per_caller: int = Field(10, ge=0, description="Of one caller; over it: 429")
    # A client goes on from an id that is as old: `live.journal.ID_AGE_MS`.
    api_tail_ping_s: float = Field(15.0, gt=0, le=15, description="Longest silence towards a client that follows the log")

    api_rate_per_s: float = Field(
        50.0,
        ge=0,
        description="Requests a second of one caller, in the long run; facets count as 5, exports as 20; 0: any number",
    )
    api_rate_burst: float = Field(300.0, ge=1, description="Of them, how many may come at once after a pause")
    api_max_requests_per_caller: int = Field(
        32, ge=0, description="Requests of one caller that are answered at once; 0: any number"
    )
    api_shared_seconds: float = Field(
        1.0,
        ge=0,
        description="Callers who ask the same within this time share an answer of ClickHouse; counts and the start view, "
        "within twice; 0: each asks anew",
    )
    api_max_connections: int = Field(2000, gt=0, description="Connections at once; more are broken off")
    api_request_seconds: float = Field(
        20.0, gt=0, description="How long a request may take to arrive, body included; then its connection is broken off"
    )
    api_max_body_bytes: int = Field(64 * 1024, ge=1024, description="Longest body of a request")
    api_write_seconds: float = Field(
        10.0, gt=0, description="How long Kafka may take to acknowledge a change of a site or a charger; then 503"
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        """The key file is also needed with a JWKS: it signs the cursors."""
        if self.api_jwt_key_file is None:
            raise ValueError("OCPPLOG_API_JWT_KEY_FILE is required: it signs the cursors, and tokens where there is no JWKS")
        if not self.api_jwt_key_file.is_file():
            raise ValueError(f"OCPPLOG_API_JWT_KEY_FILE: {self.api_jwt_key_file} is not a file")
        if len(self.key) < 32:
            raise ValueError("OCPPLOG_API_JWT_KEY_FILE: the key is shorter than 32 characters")
        if self.api_jwks_url and not self.api_jwt_issuer:
            raise ValueError(
                "OCPPLOG_API_JWT_ISSUER is required with OCPPLOG_API_JWKS_URL: without it, tokens may name any issuer"
            )
        if bool(self.api_oidc_authority) != bool(self.api_oidc_client_id):
            raise ValueError("OCPPLOG_API_OIDC_AUTHORITY and OCPPLOG_API_OIDC_CLIENT_ID belong together")
        return self

    @property
    def key(self) -> str:
        assert self.api_jwt_key_file is not None
        return self.api_jwt_key_file.read_text().strip()
