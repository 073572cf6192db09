"""The official JSON schemas of OCPP, as the `ocpp` package ships them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import ocpp

Json = dict[str, Any]
VERSIONS: Final = {"ocpp1.6": "1.6", "ocpp2.0.1": "2.0.1", "ocpp2.1": "2.1"}
"""Subprotocols, and what the package calls them."""
_FORMATS: Final = {"date-time": "2026-11-24T02:03:31Z", "uri": "https://a.example/b"}
_UNIT: Final = "A"
"""Text to the schemas of 2.x, but it has to go with the measurand: the first of these, Current.Export."""


def _folder(subprotocol: str) -> Path:
    return Path(ocpp.__file__).parent / f"v{VERSIONS[subprotocol].replace('.', '')}" / "schemas"


def actions(subprotocol: str) -> set[str]:
    """Every action of a version. NotifyPeriodicEventStream of 2.1, a SEND, has no response and is among them."""
    names = {path.stem for path in _folder(subprotocol).glob("*.json")}
    return {name.removesuffix("Request") for name in names if not name.endswith("Response")}


def request_schema(subprotocol: str, action: str) -> Json:
    named_alike = subprotocol == "ocpp1.6" or action == "NotifyPeriodicEventStream"
    name = action if named_alike else f"{action}Request"
    found: Json = json.loads((_folder(subprotocol) / f"{name}.json").read_text("utf-8-sig"))
    return found


def response_schema(subprotocol: str, action: str) -> Json | None:
    file = _folder(subprotocol) / f"{action}Response.json"
    return json.loads(file.read_text("utf-8-sig")) if file.exists() else None


def smallest(subprotocol: str, action: str) -> Any:
    """A payload of a request with nothing but what its schema demands."""
    return example(request_schema(subprotocol, action))


def example(root: Json, *, whole: bool = False) -> Any:
    """A payload with nothing but what the schema demands, or with all that it knows."""
    return _example(root, root, whole)


def _example(schema: Json, root: Json, whole: bool) -> Any:
    if "$ref" in schema:
        return _example(root["definitions"][schema["$ref"].rpartition("/")[2]], root, whole)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type", "string"):
        case "object":
            known = schema.get("properties", {})
            names = known if whole else schema.get("required", ())
            found = {name: _example(known[name], root, whole) for name in names}
            return found | {"unit": _UNIT} if found.get("unit") == "1" else found
        case "array":
            return [_example(schema["items"], root, whole)] * max(1, schema.get("minItems", 1))
        case "string":
            return _FORMATS.get(str(schema.get("format")), "1")
        case "boolean":
            return True
        case _:
            return min(max(1, schema.get("minimum", 1)), schema.get("maximum", 1))
