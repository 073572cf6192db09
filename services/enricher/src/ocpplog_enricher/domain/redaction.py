r"""Takes secrets out of what becomes a row. Kafka keeps the frames as they came: docs/adr/0009-secrets-in-frames.md.

A secret's bytes are replaced by `"***"`; all others stay as they were sent. It is found under its name (`"password":"..."`), or
beside it (`"key":"AuthorizationKey","value":"..."`; OCPP 1.6 sections 6.9 and 6.24, SetVariableDataType and its kin of 2.x), in
JSON within strings, and in prose; then wherever else the exchange repeats it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from ocpplog_common import ocppj
from ocpplog_common.ocppj import Malformed
from ocpplog_common.records import Gap
from ocpplog_enricher.domain import secret_names
from ocpplog_enricher.domain.json_text import HEADER, LOOSE_TOKEN, TOKEN, Cut, apply, escaped, unescape, well_formed
from ocpplog_enricher.domain.pairing import Exchange, Observed

_MARK: Final = b"***"
_QUOTED: Final = b'"***"'
_NAMES: Final = frozenset({b"key", b"name", b"variable"})
"""Members that name what is in the object."""
_VALUES: Final = frozenset({b"value", b"values", b"attributevalue", b"actualvalue"})
"""Members that hold what the object names. In reports, those of `variableAttribute`'s entries too."""
_ATTRIBUTES: Final = b"variableattribute"
_NO_SECRET: Final = frozenset({b"null", b"true", b"false", b'""', b"{}", b"[]"})
_MEANT_AS_JSON: Final = re.compile(rb'\s*"?\s*(?:\{|\[\s*[\[{"])')
_DEEPEST: Final = 8
"""JSON in a string in JSON in a string ...: below, everything is cut."""
_SHORTEST_ECHO: Final = 6
"""Shorter texts would be found in words that have nothing to do with them."""
_MOST_ECHOES: Final = 64
_PLAIN: Final = frozenset(
    b"key value readonly configurationkey setvariabledata attributevalue component variable name connectiondata data"
    b" vendorid messageid authorizationkey basicauthpassword apnpassword password true false null".split()
)
"""What may stay of a text that is not well formed and names a secret."""


def redact(exchange: Exchange) -> Exchange:
    """The exchange without its secrets. It is the same one where nothing in it looks like one."""
    secrets: set[bytes] = set()
    request, response = (_without(observed, secrets) for observed in (exchange.request, exchange.response))
    if request is exchange.request and response is exchange.response:
        return exchange
    if pattern := _pattern(secrets):
        request, response = (_without_echoes(observed, pattern) for observed in (request, response))
    violations = _violations(exchange, request or response)
    return replace(exchange, request=request, response=response, violations=violations)


def _without(observed: Observed | None, secrets: set[bytes]) -> Observed | None:
    if observed is None or isinstance(observed.frame, Gap) or not secret_names.may_hold(observed.envelope.frame):
        return observed
    return _changed(observed, find(observed.envelope.frame, secrets))


def _changed(observed: Observed, cuts: list[Cut]) -> Observed:
    """Read again, so that what was said about the frame before says nothing that was cut. A text that is not JSON has to stay
    what it was: the reason why it is none quotes nothing of it."""
    if not cuts:
        return observed
    old = observed.envelope.frame
    new = apply(old, cuts)
    frame = ocppj.parse(new) if well_formed(old) else observed.frame
    return replace(observed, envelope=replace(observed.envelope, frame=new), frame=frame)


def _violations(exchange: Exchange, first: Observed | None) -> tuple[str, ...]:
    before, after = exchange.first.frame, first.frame if first else None
    if isinstance(before, Malformed) and isinstance(after, Malformed) and exchange.violations == (before.reason,):
        return (after.reason,)
    return exchange.violations


def find(data: bytes, secrets: set[bytes], depth: int = 0) -> list[Cut]:
    """What has to be cut from a frame, or from JSON within a string. Adds the secrets' texts to `secrets`."""
    if depth > _DEEPEST:
        return [Cut(0, len(data), _MARK)]
    if well_formed(data):
        return _Scan(data, secrets, depth).cuts()
    return list(_conservative(data))


def _conservative(data: bytes) -> Iterator[Cut]:
    """Of a text that is not JSON: everything but its header, where it names a secret."""
    text, places = unescape(data)
    if not secret_names.is_secret(text):
        yield from (Cut(places[start], places[end], _MARK) for start, end in secret_names.in_prose(text))
        return
    header = HEADER.match(data)
    for token in LOOSE_TOKEN.finditer(data, header.end() if header else 0):
        if token["string"] and unescape(token["string"][1:-1])[0].lower() not in _PLAIN:
            yield Cut(*token.span("string"), _QUOTED)
        elif (token["scalar"] and token["scalar"].lower() not in _PLAIN) or token["rest"]:
            yield Cut(*token.span(), b'"***' if token["rest"] else _MARK)


@dataclass(slots=True)
class _Container:
    """An object or array that is being read; `name` is that of the member whose value it is, in lower case."""

    start: int
    name: bytes
    secret: bool
    names_secret: bool = False
    values: list[tuple[int, int]] = field(default_factory=list)


class _Scan:
    """One pass over JSON that is well formed, without recursion: a secret's value may come before its name."""

    def __init__(self, data: bytes, secrets: set[bytes], depth: int) -> None:
        self._data, self._secrets, self._depth = data, secrets, depth
        self._found: list[Cut] = []
        self._within: list[_Container] = [_Container(0, b"", False)]

    def cuts(self) -> list[Cut]:
        name = b""
        for token in TOKEN.finditer(self._data):
            if token.lastgroup == "colon":
                name = _content(token["string"])
                continue
            if token.lastgroup == "open":
                self._within.append(_Container(token.start(), name.lower(), self._is_secret(name)))
            elif token.lastgroup == "close":
                self._close(self._within.pop(), token.end())
            else:
                self._value(name, *token.span())
            name = b""
        return self._found

    def _is_secret(self, name: bytes) -> bool:
        # The shared secret of a VPN is its `key` (VPNType of OCPP 2.x).
        return secret_names.is_secret(name) or (name.lower() == b"key" and self._within[-1].name == b"vpn")

    def _value(self, name: bytes, start: int, end: int) -> None:
        holder, member = self._within[-1], name.lower()
        if name and self._is_secret(name):
            self._cut(start, end)
            return
        if member in _VALUES:
            holder.values.append((start, end))
        if self._data[start] != ord('"'):
            return
        if member in _NAMES and secret_names.is_secret(_content(self._data[start:end])):
            holder.names_secret = True
        self._look_inside(start + 1, end - 1)

    def _close(self, done: _Container, end: int) -> None:
        holder = self._within[-1]
        if done.secret:
            self._cut(done.start, end)
        if done.names_secret:
            for value in done.values:
                self._cut(*value)
        if done.name in _VALUES:
            holder.values.append((done.start, end))
        if done.name in _NAMES and done.names_secret:
            holder.names_secret = True
        if done.name == _ATTRIBUTES or holder.name == _ATTRIBUTES:
            holder.values += done.values

    def _cut(self, start: int, end: int) -> None:
        value = self._data[start:end]
        if value in _NO_SECRET:
            return
        self._found.append(Cut(start, end, _QUOTED))
        for token in TOKEN.finditer(value):
            if token.lastgroup in ("string", "scalar"):
                self._secrets.add(_content(token.group()))

    def _look_inside(self, start: int, end: int) -> None:
        raw = self._data[start:end]
        if not secret_names.may_hold(raw):
            return
        text, places = unescape(raw)
        if well_formed(text) or _MEANT_AS_JSON.match(text):
            found = find(text, self._secrets, self._depth + 1)
        else:
            found = [Cut(*span, _MARK) for span in secret_names.in_prose(text)]
            self._secrets.update(text[cut.start : cut.end] for cut in found)
        self._found += escaped(found, start, places)


def _content(token: bytes) -> bytes:
    return unescape(token[1:-1])[0] if token[:1] == b'"' else token


def _pattern(secrets: set[bytes]) -> re.Pattern[bytes] | None:
    """Finds the secrets that are long enough to be known again, and are not merely the name of one."""
    known = [secret for secret in secrets if len(secret) >= _SHORTEST_ECHO and not secret_names.is_secret(secret)]
    longest = sorted(known, key=lambda secret: (-len(secret), secret))[:_MOST_ECHOES]
    return re.compile(b"|".join(map(re.escape, longest))) if longest else None


def _without_echoes(observed: Observed | None, pattern: re.Pattern[bytes]) -> Observed | None:
    """Chargers repeat what they were told, in answers and in the descriptions of errors."""
    if observed is None or isinstance(observed.frame, Gap):
        return observed
    data = observed.envelope.frame
    if not well_formed(data):
        return _changed(observed, [Cut(*found.span(), _MARK) for found in pattern.finditer(data)])
    header = HEADER.match(data)
    return _changed(observed, list(_echoes(data, header.end() if header else 0, pattern)))


def _echoes(data: bytes, start: int, pattern: re.Pattern[bytes]) -> Iterator[Cut]:
    for token in TOKEN.finditer(data, start):
        if token.lastgroup == "string":
            text, places = unescape(token.group()[1:-1])
            found = [Cut(*echo.span(), _MARK) for echo in pattern.finditer(text)]
            nested = _echoes(text, 0, pattern) if b"\\" in text else ()
            yield from escaped([*found, *nested], token.start() + 1, places)
        elif token.lastgroup == "scalar" and pattern.fullmatch(token.group()):
            yield Cut(*token.span(), _QUOTED)
