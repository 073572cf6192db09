"""Settings every service shares. All come from environment variables that begin with `OCPPLOG_`."""

from __future__ import annotations

import ssl
from typing import Any, Final, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

KAFKA_METADATA_MAX_AGE_MS: Final = 5_000
"""How long a client may believe what it was told of who leads a partition. aiokafka (0.14) asks anew when a fetch or a write goes
to the wrong broker, but not when its question where a partition begins or ends does: it repeats that question until this age is
reached, with the client's default for five minutes."""


class CommonSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="OCPPLOG_", extra="ignore")

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe log line written")
    log_json: bool = Field(True, description="JSON lines; false: lines for people")


class TraceSettings(CommonSettings):
    otlp_endpoint: str = Field(
        "",
        description="Collector of traces (OpenTelemetry, OTLP over HTTP), such as http://collector:4318; empty: no traces",
        pattern=r"^(https?://[^?#\s]+)?$",
    )
    trace_share: float = Field(
        0.1, ge=0, le=1, description="Share of traces that is recorded, where the caller has not decided that (traceparent)"
    )


class KafkaSettings(CommonSettings):
    kafka_bootstrap: str = Field("127.0.0.1:9092", description="Kafka brokers, host:port, comma-separated")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to speak to Kafka"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL mechanism, with a SASL security protocol"
    )
    kafka_username: str = Field("", description="SASL user")
    kafka_password: SecretStr = Field(SecretStr(""), description="SASL password")
    kafka_ca_file: str = Field("", description="CA bundle that signed the brokers' certificates; empty: the system's")
    kafka_idempotence: bool = Field(True, description="Idempotent producer; false only for the embedded broker, which lacks it")

    def kafka_client(self) -> dict[str, Any]:
        """Keyword arguments that every aiokafka client takes."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.kafka_bootstrap,
            "security_protocol": self.kafka_security_protocol,
            "metadata_max_age_ms": KAFKA_METADATA_MAX_AGE_MS,
        }
        if self.kafka_security_protocol.endswith("SSL"):
            options["ssl_context"] = ssl.create_default_context(cafile=self.kafka_ca_file or None)
        if self.kafka_security_protocol.startswith("SASL"):
            options |= {
                "sasl_mechanism": self.kafka_sasl_mechanism,
                "sasl_plain_username": self.kafka_username,
                "sasl_plain_password": self.kafka_password.get_secret_value(),
            }
        return options


class ClickHouseSettings(CommonSettings):
    clickhouse_url: str = Field("http://127.0.0.1:8123/", description="ClickHouse HTTP interface")
    clickhouse_user: str = Field("default", description="ClickHouse user")
    clickhouse_password: SecretStr = Field(SecretStr(""), description="ClickHouse password")
    clickhouse_ca_file: str = Field(
        "", description="CA bundle that signed ClickHouse's certificate, with https; empty: the system's"
    )
    clickhouse_database: str = Field("ocpplog", description="Database of the log", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    clickhouse_cluster: str = Field(
        "",
        description="Cluster name: tables are created replicated, ON CLUSTER; empty: one server",
        pattern=r"^[A-Za-z0-9_.-]*$",
    )
