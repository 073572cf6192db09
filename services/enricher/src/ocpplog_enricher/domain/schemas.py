"""The official JSON schemas of OCPP, which the `ocpp` package ships, compiled (docs/adr/0010-schema-violations.md).

They are as constant as code. `load` compiles all of them, which takes less than 0.1 s: at start, so that no row waits for it, and
a schema that is missing is noticed there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import jsonschema_rs
import msgspec
from jsonschema_rs import Validator

_FOLDERS: Final = {"ocpp1.6": "v16", "ocpp2.0.1": "v201", "ocpp2.1": "v21"}
"""Subprotocol -> folder of the package."""
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Schemas:
    """Of one version: action -> validator. `name` is what people call the version."""

    name: str
    requests: Mapping[str, Validator]
    responses: Mapping[str, Validator]
    """Without those of requests that have no answer (NotifyPeriodicEventStream of 2.1)."""


def load() -> None:
    """Compile the schemas of all versions. Raises ImportError, OSError or ValueError where the installed package lacks them."""
    for subprotocol in _FOLDERS:
        if "BootNotification" not in _compiled(subprotocol).requests:
            raise ValueError(f"the ocpp package has no schemas for {subprotocol}")


def of(subprotocol: str) -> Schemas | None:
    """None for a version that has no official JSON schemas."""
    return _compiled(subprotocol) if subprotocol in _FOLDERS else None


@cache
def _compiled(subprotocol: str) -> Schemas:
    requests, responses = {}, {}
    for name, schema in _read(_FOLDERS[subprotocol]):
        # Masked, the library's own words quote nothing of a payload: `conformity` quotes, in short.
        validator = jsonschema_rs.validator_for(schema, validate_formats=True, mask="it")
        if name.endswith("Response"):
            responses[name.removesuffix("Response")] = validator
        else:
            requests[name.removesuffix("Request")] = validator
    return Schemas(subprotocol.replace("ocpp", "OCPP "), requests, responses)


def _read(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in files("ocpp").joinpath(folder, "schemas").iterdir():
        name, _, extension = file.name.rpartition(".")
        if extension == "json":
            schema = msgspec.json.decode(file.read_bytes().removeprefix(_BOM), type=dict[str, Any])
            if (folder, name) == ("v16", "StopTransaction"):
                _allow_hertz(schema)
            yield name, schema


def _allow_hertz(schema: dict[str, Any]) -> None:
    """Hertz is the unit of Frequency (OCPP 1.6 errata 4.0, 3.84). The schema of MeterValues has it, this one does not."""
    entry = schema["properties"]["transactionData"]["items"]
    units = entry["properties"]["sampledValue"]["items"]["properties"]["unit"]["enum"]
    if "Hertz" not in units:
        units.append("Hertz")
