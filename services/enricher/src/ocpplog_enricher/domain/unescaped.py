r"""The plain text of a payload's strings, for the search: people look for what they see, and JSON writes it with escapes."""

from __future__ import annotations

import json
import re
from typing import Final

from ocpplog_enricher.domain.json_text import LOOSE_TOKEN

_DECODER: Final = json.JSONDecoder(strict=False)
_ESCAPE: Final = re.compile(r"""\\(?P<meant>["\\/bfnrt]|u[0-9a-fA-F]{4})?""")


def unescaped(*payloads: str) -> str:
    r"""Each string of the payloads that has a backslash, as the text that it means, in quotes and with its member's name before
    it: `"data":"{"err":42}"` of `{"data":"{\"err\":42}","x":1}`. One a line, and no longer than the payloads are.

    A term holds no quote before a line's end, so none is found that begins in one string and ends in another. Payloads that are
    not JSON are read as far as they look like it. Never raises.
    """
    return "\n".join(line for payload in payloads if "\\" in payload for line in _strings(payload))


def _strings(payload: str) -> list[str]:
    found, name, name_differs = list[str](), "", False
    for token in LOOSE_TOKEN.finditer(payload.encode()):
        raw = (token["string"] or token["rest"] or b"").decode()
        differs = "\\" in raw
        if differs:
            raw = f'"{_text(raw[1:-1])}"' if token["string"] else f'"{_text(raw[1:])}'
        if token.lastgroup == "colon":
            name, name_differs = f"{raw}:", differs
            continue
        if differs or name_differs:
            found.append(name + raw)
        name, name_differs = "", False
    return found


def _text(content: str) -> str:
    """What stands between the quotes of a string, as the text that it means; an escape without a meaning stays as it is."""
    try:
        text = _DECODER.decode(f'"{content}"')
    except ValueError:
        text = _DECODER.decode(f'"{_ESCAPE.sub(_valid, content)}"')
    # Half of a surrogate pair is no text.
    return str(text).encode("utf-8", "replace").decode()


def _valid(escape: re.Match[str]) -> str:
    return escape.group() if escape["meant"] else r"\\"
