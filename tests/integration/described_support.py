"""The operations of an OpenAPI document: requests as it describes them, or nearly, and whether answers are as it says."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx
import jsonschema_rs
from hypothesis import strategies as st

Drawn = st.SearchStrategy[Any]
_TEXT: Final = st.text(max_size=40)
_SEGMENT: Final = st.text(min_size=1, max_size=40).filter(lambda text: "/" not in text and text not in (".", ".."))
_HEADER: Final = st.sampled_from(["*", '"0"', 'W/"a", "b"']) | st.text(
    st.characters(min_codepoint=33, max_codepoint=126), max_size=40
)
_SCALAR: Final = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT
_JSON: Final = st.recursive(_SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3))
_ODD: Final = st.sampled_from(
    ["-1", "0", "1e3", "NaN", "9" * 30, "null", "\x00", "'", '"', "\\", "-24h", "9999-12-31T23:59:59Z", "%", "*"]
)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: Any = None


@dataclass(frozen=True)
class Operation:
    document: dict[str, Any]
    method: str
    template: str

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.template}"

    @property
    def described(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document["paths"][self.template][self.method]
        return found

    @property
    def body_schema(self) -> dict[str, Any] | None:
        body = self.described.get("requestBody")
        return self._whole(body["content"]["application/json"]["schema"]) if body else None

    def _whole(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A schema that can be read by itself."""
        return copy.deepcopy(schema) | {"components": {"schemas": copy.deepcopy(self.document["components"]["schemas"])}}

    def parameters(self, place: str) -> list[dict[str, Any]]:
        return [found for found in self.described.get("parameters", []) if found["in"] == place]

    def good(self, known: Mapping[str, list[str]], body: Any) -> Request:
        """The plainest one, of the first that are known; what takes away takes the last."""
        index = -1 if self.method == "delete" else 0
        names = {found["name"]: quote(known[found["name"]][index], safe="") for found in self.parameters("path")}
        headers = {found["name"]: "*" for found in self.parameters("header") if found["name"] == "if-match"}
        return Request(self.method, self.template.format(**names), [], headers, body)

    def requests(self, known: Mapping[str, list[str]]) -> st.SearchStrategy[Request]:
        """With a few parameters each, as described or not; names are often those in `known`."""

        @st.composite
        def build(draw: st.DrawFn) -> Request:
            names = {
                found["name"]: quote(draw(st.sampled_from(known[found["name"]]) | _SEGMENT), safe="")
                for found in self.parameters("path")
            }
            query = draw(_some(self.parameters("query"))) if self.parameters("query") else []
            pairs = [pair for found in query for pair in _pairs(found["name"], draw(self._value(found)))]
            headers = {found["name"]: draw(_HEADER) for found in self.parameters("header") if draw(st.booleans())}
            body = draw(self._bodies(known)) if self.body_schema else None
            return Request(self.method, self.template.format(**names), pairs, headers, body)

        return build()

    def _value(self, parameter: dict[str, Any]) -> Drawn:
        return fitting(parameter["schema"], self.document) | _TEXT | _ODD

    def _bodies(self, known: Mapping[str, list[str]]) -> Drawn:
        assert self.body_schema
        described = fitting(self.body_schema, self.document)
        named = st.fixed_dictionaries({"site_id": st.sampled_from(known["site_id"])})
        with_site = st.builds(lambda body, names: body | {name: names[name] for name in names if name in body}, described, named)
        return with_site | described | _JSON

    def check(self, answer: httpx.Response) -> None:
        """Raises AssertionError or jsonschema_rs.ValidationError for what is not described."""
        assert answer.status_code < 500, answer.text
        assert str(answer.status_code) in self.described["responses"], answer.text
        contents = self.described["responses"][f"{answer.status_code}"].get("content", {})
        kind = answer.headers.get("content-type", "").partition(";")[0]
        assert kind in contents or (not contents and not kind and not answer.content), kind
        if kind.endswith("json") and kind != "application/x-ndjson":
            schema = self._whole(contents[kind]["schema"])
            jsonschema_rs.Draft202012Validator(schema).validate(answer.json())


def operations(document: dict[str, Any]) -> list[Operation]:
    """What takes away comes last."""
    found = [Operation(document, method, path) for path, methods in document["paths"].items() for method in methods]
    return sorted(found, key=lambda operation: ("put", "get", "post", "delete").index(operation.method))


def _some(parameters: list[dict[str, Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    indexes = st.lists(st.sampled_from(range(len(parameters))), max_size=4, unique=True)
    return indexes.map(lambda found: [parameters[index] for index in found])


def fitting(schema: dict[str, Any], document: dict[str, Any]) -> Drawn:
    """Values that fit a schema, of the kinds that requests have here. Raises KeyError for another kind."""
    if "$ref" in schema:
        return fitting(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    if "anyOf" in schema:
        return st.one_of([fitting(one, document) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return _OF_TYPE[schema["type"]](schema, document)


def _object(schema: dict[str, Any], document: dict[str, Any]) -> Drawn:
    fields = {name: fitting(field, document) for name, field in schema["properties"].items()}
    required = set(schema.get("required", []))
    optional = {name: field for name, field in fields.items() if name not in required}
    return st.fixed_dictionaries({name: fields[name] for name in required}, optional=optional)


_OF_TYPE: Final[Mapping[str, Callable[[dict[str, Any], dict[str, Any]], Drawn]]] = {
    "null": lambda *_: st.none(),
    "boolean": lambda *_: st.booleans(),
    "integer": lambda schema, _: st.integers(schema.get("minimum"), schema.get("maximum")),
    "string": lambda schema, _: st.text(min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 40), 40)),
    "array": lambda schema, document: st.lists(fitting(schema["items"], document), max_size=3),
    "object": _object,
}


def _pairs(name: str, value: Any) -> list[tuple[str, str]]:
    """As a query string has it."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    return [(name, str(one).lower() if isinstance(one, bool) else str(one)) for one in values]
