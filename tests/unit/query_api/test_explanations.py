"""The dashboard explains each field of the standard, in each language (`src/entry/fields`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import ocpp_schemas

FIELDS = Path(__file__).parents[3] / "services/query-api/dashboard/src/entry/fields"
_KEY = re.compile(r'^  "?([\w.]+)"?: "(.+)",$', re.MULTILINE)


def _explained(language: str) -> dict[str, str]:
    return dict(_KEY.findall((FIELDS / f"{language}.ts").read_text()))


def _fields(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from _fields(part)


@pytest.mark.parametrize("subprotocol", ["ocpp1.6", "ocpp2.0.1"])
def test_every_field_of_every_message_is_explained(subprotocol: str) -> None:
    known = _explained("en")
    missing = set()
    for action in ocpp_schemas.actions(subprotocol):
        schemas = (ocpp_schemas.request_schema(subprotocol, action), ocpp_schemas.response_schema(subprotocol, action))
        for side, schema in zip(("request", "response"), schemas, strict=True):
            for name in set(_fields(schema)):
                keys = (f"{action}.{side}.{name}", f"{action}.{name}", f"response.{name}" if side == "response" else name, name)
                if not known.keys() & keys:
                    missing.add((action, name))
    assert sorted(missing) == []


@pytest.mark.parametrize("language", ["de", "fr"])
def test_the_same_fields_in_each_language_in_other_words(language: str) -> None:
    english, other = _explained("en"), _explained(language)
    assert other.keys() == english.keys()
    assert [name for name in english if english[name] == other[name]] in ([], ["name"])
