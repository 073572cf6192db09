"""Secrets and RFID tags, in a request and its answer: whatever the frames are like, no row says them; no word too many.

Letter `a`: secrets; `b`: tags, masked; `c`: tags, hashed. Then two lines: request and answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial

import msgspec

from fuzz import hidden
from fuzz.corpora import frames
from fuzz.source import Source
from ocpplog_common import id_tags
from ocpplog_common.envelope import Source as Sender
from ocpplog_enricher.domain import secret_names, tag_names
from ocpplog_enricher.domain.fields import enrich
from ocpplog_enricher.domain.json_text import well_formed
from ocpplog_enricher.domain.pairing import Exchange
from ocpplog_enricher.domain.policy import AS_IT_IS, Policy
from ocpplog_enricher.domain.redaction import redact
from ocpplog_enricher.domain.scan import Kind
from support.exchanges import exchanges

WORDS = (
    *(
        b'"AuthorizationKey"',
        b'"password"',
        b'"apiKey"',
        b'"vpn":{"key":',
        b'"pin"',
        b'"value"',
        b'"key"',
        b'"variable":{"name":',
    ),
    *(
        b'"variableAttribute":[{"value":',
        b'"attributeValue"',
        b'"idTag"',
        b'"idToken"',
        b'"groupIdToken"',
        b'"customData"',
        b'"type"',
    ),
    *(
        b"Zq7xJw93Kp",
        b'\\"',
        b"\\u005a",
        b"://u:Zq7xJw93Kp@h",
        b"-----BEGIN PRIVATE KEY-----",
        b"OCMF|{",
        b'[2,"1","DataTransfer",{',
    ),
)
_SHORTEST = 8
_FAR = 250
"""How far a password in a URL is followed: in what is longer, a second look may find more."""
_MARK = "***"
_MASKED = Policy(id_tags.masked)
_HASHED = Policy(partial(id_tags.hashed, key=b"0123456789abcdef"))


def seeds() -> Iterable[bytes]:
    ok = b'[3,"1",{"status":"Accepted"}]'
    asked = [
        b'{"key":"AuthorizationKey","value":"Zq7xJw93Kp"}',
        b'{"data":"{\\"password\\":\\"Zq7xJw93Kp\\"}"}',
        b'{"setVariableData":[{"component":{"name":"x"},"variable":{"name":"BasicAuthPassword"},"attributeValue":"Zq7xJw93Kp"}]}',
        b'{"connectionData":{"vpn":{"server":"s","user":"u","key":"Zq7xJw93Kp"},"apn":{"apnPassword":"Zq7xJw93Kp"}}}',
        b'{"location":"ftp://user:Zq7xJw93Kp@host/path"}',
        b'{"idTag":"Zq7xJw93Kp"}',
        b'{"idToken":{"idToken":"Zq7xJw93Kp","type":"ISO14443","additionalInfo":[{"additionalIdToken":"Zq7xJw93Kp","type":"x"}]}}',
        b'{"pin":12345678,"a":1.50}',
    ]
    for letter in b"abc":
        for payload in asked:
            request = b'[2,"1","Any",%b]' % payload
            yield b"%c%b\n%b" % (letter, request, ok)
            yield b'%c%b\n[3,"1",%b]' % (letter, b'[2,"1","Any",{}]', payload)
            yield b'%c%b\n[4,"1","InternalError","no: Zq7xJw93Kp",{"x":"zq7XJW93kp"}]' % (letter, request)
            yield b"%c%b\n%b" % (letter, request[:-9], ok)
        yield from (b"%c%b" % (letter, frame.replace(b"\n", b" ")) for frame in frames() if b"idTag" in frame or b"key" in frame)


def check(data: bytes) -> None:
    source = Source(data)
    policy = source.choice((AS_IT_IS, _MASKED, _HASHED))
    sent = [line for line in (source.line(), source.line()) if line]
    if not sent:
        return
    kind = tag_names.kind(policy.hide_tag) if policy.hide_tag else secret_names.KIND
    for exchange in exchanges(*zip((Sender.CHARGER, Sender.CSMS), sent, strict=False)):
        _check(exchange, policy, kind)


def _check(exchange: Exchange, policy: Policy, kind: Kind) -> None:
    frames = _frames(exchange)
    log = enrich(exchange, 0, policy).log
    # What names a message stays, and is quoted where no version has such an action.
    told = [text for text in log.violations if not text.startswith("action: ")]
    shown = msgspec.structs.asdict(log) | {"message_id": "", "action": "", "violations": told}
    row = "\n".join(_spoken(msgspec.json.encode(shown).decode()))
    looked_for = _secrets(frames, kind)
    for secret in looked_for:
        assert secret not in row, (secret, row)
    left = redact(exchange, policy.hide_tag)
    if all(len(frame) < _FAR and well_formed(frame) for frame in frames):
        assert _frames(redact(left)) == _frames(left)
    if not looked_for and not any(kind.may_hold(frame) or secret_names.may_hold(frame) for frame in frames):
        assert left is exchange
    for before, after in ((exchange.request, left.request), (exchange.response, left.response)):
        assert before is None or after is None or not well_formed(before.envelope.frame) or well_formed(after.envelope.frame)


def _frames(exchange: Exchange) -> list[bytes]:
    return [seen.envelope.frame for seen in (exchange.request, exchange.response) if seen]


def _secrets(frames: list[bytes], kind: Kind) -> list[str]:
    """Those that are too long to be a part of a word by chance, and name nothing."""
    beside = frozenset(name.decode() for name in kind.beside)

    def named(name: str, holder: str) -> bool:
        return kind.named(name.encode("utf-8", "surrogatepass"), holder.encode("utf-8", "surrogatepass"))

    found: dict[str, None] = {}
    for frame in frames:
        try:
            said = hidden.read(frame)
        except (ValueError, RecursionError):
            continue
        if well_formed(frame) and isinstance(said, list):
            found |= dict.fromkeys(hidden.secrets(said[2:], named, beside))
    tell = [text for text in found if len(text) >= _SHORTEST and _MARK not in text and _tells(text) and not named(text, "")]
    return tell if len(found) < 60 else []


def _tells(text: str) -> bool:
    """Not what the standard's own words are made of; nor what a row says of any frame."""
    return "Zq7xJw93" in text


def _spoken(row: str) -> list[str]:
    """The row's texts; and what those that are JSON mean."""
    found = [row]
    for text in hidden.texts(hidden.read(row.encode())):
        found.append(text)
        try:
            found += hidden.texts(json.loads(text, object_pairs_hook=hidden.Pairs))
        except (ValueError, RecursionError):
            continue
    return found
