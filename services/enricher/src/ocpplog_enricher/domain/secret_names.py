"""What counts as a secret: by the name it goes under, or by its own looks. The list is in docs/adr/0009-secrets-in-frames.md.

RFID tags are none here: `tag_names` has them. But what a driver types in is a PIN, whatever field it comes in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ocpplog_enricher.domain import prose
from ocpplog_enricher.domain.scan import MARK, Kind

_KEYS: Final = "authori[sz]ation auth private api access shared encryption symmetric master signing network wifi wlan wpa vpn"
_TOKENS: Final = "access auth authori[sz]ation api bearer oauth refresh security session"
_PINS: Final = "sim apn modem admin user service"
_PASSES: Final = "wifi wlan wpa vpn apn sim modem ftp sftp smtp mail http mqtt proxy web admin root user usr login auth db"
_NO_PASSES: Final = "by over under high low band test selftest"
"""By-pass, band-pass, a test's pass."""


def _any(words: str) -> str:
    return "(?:" + "|".join(words.split()) + ")"


_JOINT: Final = "[-_. ]?"
_ANYWHERE: Final = "|".join(
    (
        *(f"pass{_JOINT}word", "passwd", f"pass{_JOINT}phrase", f"pass{_JOINT}code", "secret", f"pin{_JOINT}code"),
        *(f"{_any(_KEYS)}{_JOINT}key", f"{_any(_TOKENS)}{_JOINT}token"),
    )
)
_AT_THE_END: Final = rf"(?:pwd|psk|(?:(?<![a-z])|{_any(_PINS)}{_JOINT})pin)(?![a-z])"
_BEGIN: Final = "(?:(?<![a-z])|(?-i:(?<=[a-z0-9])(?=[A-Z])|(?=[A-Z][a-z])))"
"""Where a word begins within a name: compass, bypass have no word `pass`, latest_pass no word `test`."""
_END: Final = f"(?!{_JOINT}[a-z])"
# The letters themselves are looked at first: that costs least. Other words end in `ap`.
_BEFORE: Final = "|".join(f"(?<={word})|(?<={word}[-_. ])" for word in (*_PASSES.split(), f"{_BEGIN}ap"))
_OTHER: Final = "".join(f"(?<!{_BEGIN}{word})(?<!{_BEGIN}{word}[-_. ])" for word in _NO_PASSES.split())
_PASS: Final = f"(?=pass{_END}){_BEGIN}{_OTHER}pass"
_OF_TEXTS: Final = f"(?=pw{_END})(?:{_BEFORE})pw"
"""Else `pw` is power, and so is a number."""
_OF_ALL: Final = f"{_ANYWHERE}|{_AT_THE_END}|(?=pass{_END})(?:{_BEFORE})pass"
_NAME: Final = re.compile(f"{_OF_ALL}|{_OF_TEXTS}|{_PASS}".encode(), re.IGNORECASE)
_PW: Final = re.compile(_OF_TEXTS.encode(), re.IGNORECASE)
_OF_NUMBERS_TOO: Final = re.compile(f"{_OF_ALL}|{_PASS}".encode(), re.IGNORECASE)
_WITH_P: Final = re.compile("p(?:ass|in|w|sk)")
_HIDDEN: Final = re.compile(rb"\\u00[2-7]")
"""A \\u escape of an ASCII character: any name may be spelled with them."""

# Bounded, so that no text takes longer than its length deserves.
_PROSE: Final = re.compile(
    b"|".join(
        (
            prose.END_TAG,
            # A pass is also what a test gives: alone, the word counts where machines write the names of parameters and elements.
            rb"(?:(?:%b|%b)[\w.-]{0,40}+|(?<=[?&;<\"'])[\w.-]{0,40}?%b(?=[=>\"'\\]))"
            % (_OF_ALL.encode(), _OF_TEXTS.encode(), _PASS.encode())
            + prose.value(),
            # RFC 3986 section 3.2.1. People also write slashes into passwords, and @; a port is none.
            rb"://[^\s/?#\"@:]*:(?P<userinfo>[^\s/?#\"]+(?=@)|(?!\d{1,5}(?:[/?#]|\Z))[^\s\",]{1,256}(?=@))",
            rb"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?P<pem>.+?)(?=-----END|\Z)",
        )
    ),
    re.IGNORECASE | re.DOTALL,
)


def may_hold(data: bytes) -> bool:
    """Whether a text can hold a secret at all. Errs towards yes.

    Every frame is asked, so this costs less than the words would: parts of them, looked for in text, which Python searches
    faster than bytes.
    """
    lowered = data.lower().decode("latin-1")
    if "key" in lowered or "secret" in lowered or "@" in lowered or _WITH_P.search(lowered):
        return True
    if "\\u00" in lowered and _HIDDEN.search(data):
        return True
    # The tokens of normal traffic are RFID tags.
    return "token" in lowered and lowered.count("token") > lowered.count("idtoken") + lowered.count('"token')


def is_secret(name: bytes) -> bool:
    """Whether what goes under this name is a secret."""
    return _NAME.search(name) is not None


def in_prose(text: bytes) -> Iterator[tuple[int, int]]:
    """Where secrets stand in a text that is no JSON: values of names, passwords of URLs, private keys."""
    return prose.spans(_PROSE, text)


def _named(name: bytes, holder: bytes) -> bool:
    # The shared secret of a VPN is its `key` (VPNType of OCPP 2.x).
    return is_secret(name) or (holder == b"vpn" and name.lower() == b"key")


_KEY_CODE: Final = b"keycode"
"""Of `idToken`: it must not appear in any logging (OCPP 2.0.1 part 2, C04.FR.04)."""

KIND: Final = Kind(
    may_hold=may_hold,
    named=_named,
    mentioned=lambda text: is_secret(text) or _KEY_CODE in text.lower(),
    in_prose=in_prose,
    mark=lambda _: MARK.encode(),
    plain=frozenset(
        b"key value readonly configurationkey setvariabledata attributevalue component variable name connectiondata data"
        b" vendorid messageid authorizationkey basicauthpassword apnpassword password true false null"
        b" idtoken type keycode additionalinfo additionalidtoken idtokeninfo groupidtoken".split()
    ),
    is_name=lambda text: _NAME.fullmatch(text) is not None,
    whole=True,
    no_number=lambda name: _PW.search(name) is not None and _OF_NUMBERS_TOO.search(name) is None,
    of_type=frozenset({b"idtoken", b"additionalidtoken"}),
    types=frozenset({_KEY_CODE}),
)
