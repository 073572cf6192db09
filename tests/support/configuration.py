"""The README's table of settings, from the settings classes: `python -m support.configuration` in tests/ rewrites it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ocpplog_common.settings import ClickHouseSettings, CommonSettings, KafkaSettings
from ocpplog_enricher.settings import EnricherSettings
from ocpplog_gateway.settings import GatewaySettings
from ocpplog_query_api.settings import ApiSettings

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->\n"
_SERVICES: dict[str, type[CommonSettings]] = {
    "gateway": GatewaySettings,
    "enricher": EnricherSettings,
    "query API": ApiSettings,
    "admin": type("AdminSettings", (KafkaSettings, ClickHouseSettings), {}),
}


def table() -> str:
    """One row a variable: name, default, who reads it, meaning."""
    fields: dict[str, FieldInfo] = {}
    readers: dict[str, list[str]] = {}
    for service, settings in _SERVICES.items():
        for name, field in settings.model_fields.items():
            fields.setdefault(name, field)
            readers.setdefault(name, []).append(service)
    lines = ["| variable | default | read by | meaning |", "|---|---|---|---|"]
    for name, field in fields.items():
        who = "all" if len(readers[name]) == len(_SERVICES) else ", ".join(readers[name])
        lines.append(f"| `OCPPLOG_{name.upper()}` | {_default(field)} | {who} | {field.description} |")
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is PydanticUndefined:
        return "the host's name"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value not in ("", None) else ""


def in_readme() -> str:
    text = README.read_text()
    return text[text.index(BEGIN) + len(BEGIN) : text.index(END)]


if __name__ == "__main__":
    README.write_text(README.read_text().replace(BEGIN + in_readme() + END, BEGIN + table() + END))
