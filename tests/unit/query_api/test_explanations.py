"""The dashboard explains each field of the standard, in each language (`src/entry/fields`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import ocpp_schemas

FIELDS = Path(__file__).parents[3] / "services/query-api/dashboard/src/entry/fields"
LANGUAGES = ["en", "de", "fr"]
_KEY = re.compile(r'^  "?([\w.]+)"?: "(.+)",$', re.MULTILINE)


def _texts(file: str) -> dict[str, str]:
    return dict(_KEY.findall((FIELDS / f"{file}.ts").read_text()))


def _explained(language: str, subprotocol: str) -> dict[str, str]:
    """As `loadDescriptions` puts it together."""
    known = _texts(language)
    return known | _texts(f"costs.{language}") | _texts(f"grid.{language}") if subprotocol == "ocpp2.1" else known


def _fields(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from _fields(part)


def _keys(subprotocol: str) -> Iterator[tuple[str, ...]]:
    """Of every field of every message, the names under which it may be explained."""
    for action in ocpp_schemas.actions(subprotocol):
        schemas = (ocpp_schemas.request_schema(subprotocol, action), ocpp_schemas.response_schema(subprotocol, action))
        for side, schema in zip(("request", "response"), schemas, strict=True):
            for name in set(_fields(schema)):
                general = (f"response.{name}", name) if side == "response" else (name,)
                yield (f"{action}.{side}.{name}", f"{action}.{name}", *general)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("subprotocol", sorted(ocpp_schemas.VERSIONS))
def test_every_field_of_every_message_is_explained(subprotocol: str, language: str) -> None:
    known = _explained(language, subprotocol).keys()
    assert sorted(keys[0] for keys in _keys(subprotocol) if known.isdisjoint(keys)) == []


@pytest.mark.parametrize("file", ["costs.en", "grid.en"])
def test_what_is_loaded_for_2_1_is_of_2_1(file: str) -> None:
    """A text that no field of the version can reach would be loaded for nothing, or is misspelt."""
    reached = {key for keys in _keys("ocpp2.1") for key in keys}
    assert sorted(_texts(file).keys() - reached) == []


def test_no_two_files_for_2_1_explain_the_same() -> None:
    assert _texts("costs.en").keys() & _texts("grid.en").keys() == set()


@pytest.mark.parametrize("language", ["de", "fr"])
@pytest.mark.parametrize("kind", ["", "costs.", "grid."])
def test_the_same_fields_in_each_language_in_other_words(kind: str, language: str) -> None:
    english, other = _texts(f"{kind}en"), _texts(f"{kind}{language}")
    assert other.keys() == english.keys()
    assert [name for name in english if english[name] == other[name]] in ([], ["name"])
