r"""Takes secrets, and RFID tags where a site asks for it, out of what becomes a row.

Kafka keeps the frames as they came: docs/adr/0009-secrets-in-frames.md, docs/adr/0011-rfid-tags.md. The bytes of a secret are
replaced by `"***"`, those of a tag by what stands for it; all others stay as they were sent. Either is found under its name
(`"password":"..."`), or beside it (`"key":"AuthorizationKey","value":"..."`; OCPP 1.6 sections 6.9 and 6.24, SetVariableDataType
and its kin of 2.x), in JSON within strings, and in prose; then wherever else the exchange repeats it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from msgspec.structs import replace

from ocpplog_common import ocppj
from ocpplog_common.ocppj import Malformed
from ocpplog_common.records import Gap
from ocpplog_enricher.domain import secret_names, tag_names
from ocpplog_enricher.domain.json_text import HEADER, LOOSE_TOKEN, Cut, apply, escaped, unescape, well_formed
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Exchange
from ocpplog_enricher.domain.scan import Kind, content, find

_SHORTEST_ECHO: Final = 6
"""Shorter texts would be found in words that have nothing to do with them."""
_MOST_ECHOES: Final = 64
_DIGITS: Final = re.compile(rb"\d+")


def redact(exchange: Exchange, hide_tag: Callable[[bytes], str] | None = None) -> Exchange:
    """The exchange without its secrets, and with its RFID tags as `hide_tag` makes them, given a tag's text (UTF-8); None: as
    they are. It is the same exchange where nothing in it looks like either."""
    left = _without(exchange, secret_names.KIND)
    return _without(left, tag_names.kind(hide_tag)) if hide_tag else left


def _without(exchange: Exchange, kind: Kind) -> Exchange:
    found: set[bytes] = set()
    request, response = _without_named(exchange.request, kind, found), _without_named(exchange.response, kind, found)
    if request is exchange.request and response is exchange.response:
        return exchange
    if pattern := _pattern(kind, found):
        request, response = (_without_echoes(observed, kind, pattern) for observed in (request, response))
    violations = _violations(exchange, request or response)
    return replace(exchange, request=request, response=response, violations=violations)


def _without_named(observed: Observed | None, kind: Kind, found: set[bytes]) -> Observed | None:
    if observed is None or isinstance(observed.frame, Gap) or not kind.may_hold(observed.envelope.frame):
        return observed
    return _changed(observed, find(observed.envelope.frame, kind, found))


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


def _pattern(kind: Kind, found: set[bytes]) -> re.Pattern[bytes] | None:
    """Finds the texts that are long enough to be known again, and are not merely the name of one. Case does not matter: chargers
    and central systems change that of tags."""
    known = [text for text in found if len(text) >= _SHORTEST_ECHO and not kind.is_name(text)]
    longest = sorted(known, key=lambda text: (-len(text), text))[:_MOST_ECHOES]
    return re.compile(b"|".join(map(_echo, longest)), re.IGNORECASE) if longest else None


def _echo(text: bytes) -> bytes:
    """Digits alone are looked for between others that are none: they would be found in meter readings and times."""
    found = re.escape(text)
    return rb"(?<![\d.])" + found + rb"(?!\d|\.\d)" if _DIGITS.fullmatch(text) else found


def _without_echoes(observed: Observed | None, kind: Kind, pattern: re.Pattern[bytes]) -> Observed | None:
    """Chargers repeat what they were told, in answers and in the descriptions of errors."""
    if observed is None or isinstance(observed.frame, Gap):
        return observed
    data = observed.envelope.frame
    if not well_formed(data):
        return _changed(observed, list(_repeated(data, kind, pattern)))
    header = HEADER.match(data)
    return _changed(observed, list(_echoes(data, header.end() if header else 0, kind, pattern)))


def _repeated(text: bytes, kind: Kind, pattern: re.Pattern[bytes]) -> Iterator[Cut]:
    for found in pattern.finditer(text):
        yield Cut(*found.span(), kind.mark(found.group()))


def _echoes(data: bytes, start: int, kind: Kind, pattern: re.Pattern[bytes]) -> Iterator[Cut]:
    """In names of members too: chargers answer with tables of what they were asked about. Strings hold anything, JSON or not."""
    for token in LOOSE_TOKEN.finditer(data, start):
        if token["string"] or token["rest"]:
            text, places = unescape(token["string"][1:-1] if token["string"] else token["rest"][1:])
            nested = _echoes(text, 0, kind, pattern) if b"\\" in text else ()
            yield from escaped([*_repeated(text, kind, pattern), *nested], token.start() + 1, places)
        elif token.lastgroup == "scalar" and pattern.fullmatch(token.group()):
            yield Cut(*token.span(), b'"' + kind.mark(content(token.group())) + b'"')
