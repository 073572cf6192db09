"""ClickHouse's errors, as its HTTP interface reports them."""

from __future__ import annotations

import re
from typing import Final

_CODE: Final = re.compile(r"Code: (\d+)")
_STATUS: Final = {
    **dict.fromkeys((516, 194, 195, 492), 401),
    **dict.fromkeys((497, 291, 164), 403),
    **dict.fromkeys((36, 46, 47, 60, 81), 404),
    **dict.fromkeys((159, 394), 408),
    **dict.fromkeys((202,), 503),
    **dict.fromkeys((6, 26, 27, 38, 41, 42, 43, 53, 62, 70, 72, 115, 117, 457, 158, 241, 396), 400),
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
