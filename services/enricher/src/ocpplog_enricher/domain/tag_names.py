"""Where RFID tags stand. The list is in docs/adr/0011-rfid-tags.md.

OCPP 1.6: `idTag`, and `parentIdTag` of IdTagInfo and ReserveNow. OCPP 2.x: `idToken`, `groupIdToken` and `additionalIdToken` of
IdTokenType and IdTokenInfoType, of whatever type: an account, a car's address and a PIN tell who charged as a card does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from ocpplog_enricher.domain import prose
from ocpplog_enricher.domain.scan import Kind

_JOINT: Final = "[-_. ]?"
_NAMES: Final = "|".join(
    (
        f"id{_JOINT}(?:tag|token)s?",
        f"rfid{_JOINT}(?:tag|token|card|uid|id|number|code)",
        f"(?:tag|card){_JOINT}(?:id|uid|number)",
        f"master{_JOINT}pass{_JOINT}group{_JOINT}id",
    )
).encode()
_NAME: Final = re.compile(rb"(?:" + _NAMES + rb")(?![a-z0-9_-])", re.IGNORECASE)
_BARE: Final = b"token"
"""Tokens of other kinds are secrets, and have longer names."""
_PARTS: Final = re.compile(rb"tag|token|card|rfid|group|ocmf|t0nnrnx7|4f434d46|\\u00[2-7]")
_BYTES: Final = rb"[0-9a-f]{2}(?:[ :-][0-9a-f]{2}){2,15}\b"
"""As readers print what is on a card."""
_PROSE: Final = re.compile(
    b"|".join(
        (
            prose.END_TAG,
            rb"(?:" + _NAMES + rb")" + prose.value(_BYTES),
            # OCMF in base64 or hex: what is in it cannot be cut out of it.
            rb"(?P<base64>T0NNRnx7[a-z0-9+/=_-]+)",
            rb"(?P<hex>4F434D467C7B[0-9a-f]+)",
        )
    ),
    re.IGNORECASE,
)
_OCMF: Final = b"OCMF|"
_OCMF_ID: Final = re.compile(rb'"ID"\s*:\s*"(?P<value>[^"]+)"')
"""Identification data of signed meter values (Open Charge Metering Format, section Assignment of the charge point and user)."""
_PLAIN: Final = frozenset(
    b"idtag parentidtag idtaginfo idtoken groupidtoken additionalidtoken additionalinfo idtokeninfo type status expirydate"
    b" connectorid metervalue meterstart meterstop timestamp transactionid reason reservationid transactiondata sampledvalue"
    b" value context format measurand phase location unit eventtype triggerreason seqno transactioninfo evse id"
    b" localauthorizationlist listversion updatetype true false null".split()
)


def kind(hide: Callable[[bytes], str]) -> Kind:
    """`hide` is given a tag's text (UTF-8) and returns what stands for it: ASCII without quotes and backslashes."""
    return Kind(
        may_hold=lambda data: _PARTS.search(data.lower()) is not None,
        named=_named,
        mentioned=lambda text: _NAME.search(text) is not None,
        in_prose=_in_prose,
        mark=lambda text: hide(text).encode(),
        plain=_PLAIN,
        is_name=lambda text: _NAME.fullmatch(text) is not None,
        whole=False,
        beside=frozenset({b"type", b"customdata"}),
    )


def _named(name: bytes, _: bytes) -> bool:
    return _NAME.search(name) is not None or name.lower() == _BARE


def _in_prose(text: bytes) -> Iterator[tuple[int, int]]:
    yield from prose.spans(_PROSE, text)
    if _OCMF in text:
        for found in _OCMF_ID.finditer(text):
            yield found.span("value")
