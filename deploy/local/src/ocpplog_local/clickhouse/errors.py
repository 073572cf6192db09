"""ClickHouse's errors, as its HTTP interface reports them."""

from __future__ import annotations

import re
from typing import Final

_CODE: Final = re.compile(r"Code: (\d+)")
_STATUS: Final = {
    194: 401,
    **dict.fromkeys((192, 193, 497, 512, 516), 403),
    **dict.fromkeys((6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223, 321), 400),
    **dict.fromkeys((376, 427, 441, 675, 676), 400),
    **dict.fromkeys((46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511), 404),
    159: 408,
    381: 411,
    229: 413,
    779: 415,
    48: 501,
    **dict.fromkeys((76, 209, 439), 503),
}
"""Exception code -> HTTP status; the others are 500 (ClickHouse's exceptionCodeToHTTPStatus)."""


class BadRequest(Exception):
    """A request that never reached the engine. `status` is the HTTP status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class EngineError(Exception):
    """An exception of the engine: `Code: 60. DB::Exception: ... (UNKNOWN_TABLE)`."""

    def __init__(self, message: str) -> None:
        start = message.find("Code: ")
        super().__init__(message[start:].strip() if start > 0 else message.strip())
        match = _CODE.search(message)
        self.code = int(match[1]) if match else 1002

    @property
    def status(self) -> int:
        return _STATUS.get(self.code, 500)
