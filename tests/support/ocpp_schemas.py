"""The official JSON schemas of OCPP, as the `ocpp` package ships them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import ocpp

Json = dict[str, Any]
VERSIONS: Final = {"ocpp1.6": "1.6", "ocpp2.0.1": "2.0.1", "ocpp2.1": "2.1"}
"""Subprotocols, and what the package calls them."""


def _folder(subprotocol: str) -> Path:
    return Path(ocpp.__file__).parent / f"v{VERSIONS[subprotocol].replace('.', '')}" / "schemas"


def actions(subprotocol: str) -> set[str]:
    """Every action of a version. NotifyPeriodicEventStream of 2.1, a SEND, has no response and is among them."""
    names = {path.stem for path in _folder(subprotocol).glob("*.json")}
    return {name.removesuffix("Request") for name in names if not name.endswith("Response")}


def request_schema(subprotocol: str, action: str) -> Json:
    name = action if subprotocol == "ocpp1.6" else f"{action}Request"
    found: Json = json.loads((_folder(subprotocol) / f"{name}.json").read_text("utf-8-sig"))
    return found


def smallest(subprotocol: str, action: str) -> Any:
    """A payload of a request with nothing but what its schema demands."""
    root = request_schema(subprotocol, action)
    return _smallest(root, root)


def _smallest(schema: Json, root: Json) -> Any:
    if "$ref" in schema:
        return _smallest(root["definitions"][schema["$ref"].rpartition("/")[2]], root)
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "object":
            return {name: _smallest(schema["properties"][name], root) for name in schema.get("required", ())}
        case "array":
            return [_smallest(schema["items"], root)]
        case "string":
            return "2026-11-24T02:03:31Z" if schema.get("format") == "date-time" else "A"
        case "boolean":
            return True
        case _:
            return 1
