"""Compares payloads with the official JSON schemas, and says in plain words where they differ.

Payloads are those of redacted frames: what is quoted from them holds no secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from jsonschema_rs import ValidationError, Validator

from ocpplog_enricher.domain.scan import MARK
from ocpplog_enricher.domain.violations import MOST, cut, more, path_of, short

_MANY_VALUES: Final = 500
"""Every difference costs some microseconds, and the library lists all or one: of a payload with more values it lists one."""
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,49}")
_LONGEST_CHOICE: Final = 100
_TYPES: Final = {
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
}
_FORMATS: Final = {"date-time": "a date and time with its zone", "uri": "a URI"}


def compare(validator: Validator, payload: dict[str, Any], raw: bytes, path: str, told: Iterable[str]) -> list[str]:
    """How `payload` (parsed from `raw`) differs from its schema. Never raises.

    The first ten differences, and how many more there are. `told` are violations that the row has: of their places nothing is
    added.
    """
    try:
        if validator.is_valid(payload):
            return []
        errors, complete = _errors(validator, payload, raw)
        found = _first_of_each_place((line for error in errors for line in _lines(error, path)), told)
    except ValueError as error:
        # Deeper than 255 levels, which the library does not follow.
        return [f"{path}: not compared with its schema: {cut(str(error), _LONGEST_CHOICE)}"]
    listed = [f"{where}: {reason()}" for where, reason in found[:MOST]]
    if listed and not complete:
        return [*listed, f"{path}: of a message this long only the first violation is listed"]
    return listed + more(len(found) - MOST, path)


_Line = tuple[str, Callable[[], str]]
"""A path, and what puts the reason into words: most of a long list is only counted."""


def _errors(validator: Validator, payload: dict[str, Any], raw: bytes) -> tuple[list[ValidationError], bool]:
    """The differences, and whether these are all. A value has a comma before it, but for the first of its list or object."""
    if raw.count(b",") <= _MANY_VALUES:
        return list(validator.iter_errors(payload)), True
    try:
        validator.validate(payload)
    except ValidationError as error:
        return [error], False
    return [], True


def _lines(error: ValidationError, path: str) -> Iterator[_Line]:
    here = path + "".join(map(_step, error.instance_path))
    kind = error.kind
    if kind.name == "required":
        yield here + _step(kind.value), lambda: "missing"
    elif kind.name == "additionalProperties":
        for name in kind.value:
            yield here + _step(name), lambda: "unknown field"
    elif not _was_redacted(error.instance):
        yield here, lambda: _reason(error)


def _first_of_each_place(lines: Iterable[_Line], told: Iterable[str]) -> list[_Line]:
    """What is of the wrong type is none of the values allowed either."""
    known = set(map(path_of, told))
    found: dict[str, _Line] = {}
    for line in lines:
        if line[0] not in known:
            found.setdefault(line[0], line)
    return list(found.values())


def _was_redacted(value: object) -> bool:
    """What stood there before the mark may have been right."""
    return isinstance(value, str) and MARK in value


def _step(step: str | int) -> str:
    if isinstance(step, str) and _PLAIN_NAME.fullmatch(step):
        return f".{step}"
    return f"[{step if isinstance(step, int) else short(step)}]"


def _reason(error: ValidationError) -> str:
    value, limit = error.instance, error.kind.value
    match error.kind.name:
        case "type":
            return f"expected {_TYPES.get(limit[0], limit[0])}, got {short(value)}"
        case "enum":
            return f"{short(value)} is none of {cut(', '.join(map(str, limit)), _LONGEST_CHOICE)}"
        case "format":
            return f"{short(value)} is not {_FORMATS.get(limit, limit)}"
        case "maxLength":
            return f"{len(str(value))} characters, at most {limit} allowed"
        case "maxItems" | "minItems" as name:
            return f"{_count(value)} items, at {'most' if name == 'maxItems' else 'least'} {limit} allowed"
        case "maximum":
            return f"{short(value)} is more than {limit:.10g}"
        case "minimum":
            return f"{short(value)} is less than {limit:.10g}"
        case "multipleOf":
            return f"{short(value)} is not a multiple of {limit}"
    return cut(error.message, _LONGEST_CHOICE)


def _count(value: object) -> int:
    return len(value) if isinstance(value, list) else 0
