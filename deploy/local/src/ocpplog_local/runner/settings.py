"""Where the parts of the local run listen, and where its data are."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class LocalSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="OCPPLOG_", extra="ignore", env_ignore_empty=True)

    kafka_bootstrap: str = Field("127.0.0.1:9092", description="Where the embedded broker listens")
    clickhouse_url: str = Field("http://127.0.0.1:8123/", description="Where the local ClickHouse listens")
    gateway_host: str = Field("127.0.0.1", description="Address of the gateway")
    gateway_port: int = Field(9310, description="Port of the gateway")
    gateway_health_port: int = Field(9311, description="Health and metrics of the gateway")
    gateway_default_site: str = Field("test-lab", description="Site of chargers that are not registered; `none` refuses them")
    enricher_health_port: int = Field(9312, description="Health and metrics of the enricher")
    api_host: str = Field("127.0.0.1", description="Address of the query API and the dashboard")
    api_port: int = Field(8080, description="Port of the query API and the dashboard")
    api_health_port: int = Field(0, description="Health and metrics of the query API; 0: on its own port")
    local_csms_port: int = Field(9320, description="Port of the demo central system")
    local_dir: Path = Field(Path(".local"), description="Data, logs, keys and tokens of the local run")
    fleet: bool = Field(True, validation_alias="FLEET", description="Whether the demo fleet runs")

    @field_validator("kafka_bootstrap", "clickhouse_url")
    @classmethod
    def _is_local(cls, value: str) -> str:
        url = urlsplit(value if "//" in value else f"//{value}")
        if url.hostname not in _LOOPBACK or not url.port:
            raise ValueError(f"{value}: the local run brings its own; give 127.0.0.1 and a port")
        return value

    @property
    def kafka_port(self) -> int:
        return int(self.kafka_bootstrap.rpartition(":")[2])

    @property
    def clickhouse_port(self) -> int:
        return urlsplit(self.clickhouse_url).port or 8123

    def environment(self) -> dict[str, str]:
        """What the services are told: the same variables as anywhere else."""
        upstream = f"ws://127.0.0.1:{self.local_csms_port}/ocpp"
        return {
            "OCPPLOG_KAFKA_BOOTSTRAP": self.kafka_bootstrap,
            # The embedded broker has no InitProducerId.
            "OCPPLOG_KAFKA_IDEMPOTENCE": "false",
            "OCPPLOG_CLICKHOUSE_URL": self.clickhouse_url,
            "OCPPLOG_GATEWAY_HOST": self.gateway_host,
            "OCPPLOG_GATEWAY_PORT": str(self.gateway_port),
            "OCPPLOG_GATEWAY_HEALTH_PORT": str(self.gateway_health_port),
            "OCPPLOG_GATEWAY_UPSTREAM": upstream,
            "OCPPLOG_GATEWAY_DEFAULT_SITE": "" if self.gateway_default_site == "none" else self.gateway_default_site,
            # The demo fleet, and whoever tries a charger of his own on this machine, has no password.
            "OCPPLOG_GATEWAY_MIN_PROFILE": "0",
            "OCPPLOG_GATEWAY_DRAIN_S": "1",
            "OCPPLOG_GATEWAY_ID": "local",
            "OCPPLOG_ENRICHER_HEALTH_PORT": str(self.enricher_health_port),
            # The embedded broker answers the first member of a group only after the whole rebalance timeout.
            "OCPPLOG_ENRICHER_REBALANCE_TIMEOUT_S": "3",
            "OCPPLOG_ENRICHER_SESSION_TIMEOUT_S": "6",
            "OCPPLOG_ENRICHER_ID_TAG_KEY_FILE": str(self.tag_key_file),
            "OCPPLOG_API_HOST": self.api_host,
            "OCPPLOG_API_PORT": str(self.api_port),
            "OCPPLOG_API_HEALTH_PORT": str(self.api_health_port),
            "OCPPLOG_API_JWT_KEY_FILE": str(self.key_file),
            "OCPPLOG_LOG_JSON": "false",
        }

    @property
    def directory(self) -> Path:
        return self.local_dir.resolve()

    @property
    def key_file(self) -> Path:
        return self.directory / "keys" / "api.key"

    @property
    def tag_key_file(self) -> Path:
        return self.directory / "keys" / "id-tags.key"
