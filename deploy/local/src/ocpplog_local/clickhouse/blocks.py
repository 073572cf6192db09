"""ClickHouse's own compression of a stream, block by block: `compress=1` and `decompress=1` of the HTTP interface.

JDBC, and so DBeaver, asks for it. A block is a checksum (CityHash128 of all that follows), a method, its length with these
nine bytes, its length once decompressed, and the data.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

import lz4.block
import zstandard
from clickhouse_cityhash.cityhash import CityHash128

from ocpplog_local.clickhouse.errors import BadRequest

_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90
_HEAD: Final = struct.Struct("<BII")
_CHECKSUM: Final = 16
_BLOCK: Final = 1024 * 1024
_MAX_BLOCK: Final = 1024 * 1024 * 1024


class Packer:
    """An encoder: bytes in, blocks out."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def compress(self, data: bytes, /) -> bytes:
        self._waiting += data
        found = b""
        while len(self._waiting) >= _BLOCK:
            found += _pack(bytes(self._waiting[:_BLOCK]))
            del self._waiting[:_BLOCK]
        return found

    def flush(self) -> bytes:
        rest, self._waiting = bytes(self._waiting), bytearray()
        return _pack(rest) if rest else b""


def checksum(block: bytes) -> bytes:
    """Of everything in a block but the checksum itself: the high half first, each half little-endian."""
    value: int = CityHash128(block)
    return (value >> 64).to_bytes(8, "little") + (value & (1 << 64) - 1).to_bytes(8, "little")


def _pack(data: bytes) -> bytes:
    packed = bytes(lz4.block.compress(data, store_size=False))
    block = _HEAD.pack(_LZ4, _HEAD.size + len(packed), len(data)) + packed
    return checksum(block) + block


def unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The data in a stream of blocks. The checksums are not verified. Raises BadRequest."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= _CHECKSUM + _HEAD.size:
            method, length, size = _HEAD.unpack_from(waiting, _CHECKSUM)
            if not _HEAD.size <= length <= _MAX_BLOCK or size > _MAX_BLOCK:
                raise BadRequest("the body is not compressed as decompress=1 says: a block has an impossible length")
            if len(waiting) < _CHECKSUM + length:
                break
            yield _unpack(method, bytes(waiting[_CHECKSUM + _HEAD.size : _CHECKSUM + length]), size)
            del waiting[: _CHECKSUM + length]
    if waiting:
        raise BadRequest("the body is not compressed as decompress=1 says: it ends in the middle of a block")


def _unpack(method: int, data: bytes, size: int) -> bytes:
    try:
        if method == _LZ4:
            return bytes(lz4.block.decompress(data, uncompressed_size=size))
        if method == _ZSTD:
            return bytes(zstandard.ZstdDecompressor().decompress(data, max_output_size=size))
    except (lz4.block.LZ4BlockError, zstandard.ZstdError, ValueError) as error:
        raise BadRequest(f"the body is not compressed as decompress=1 says: {error}") from error
    if method == _NONE:
        return data
    raise BadRequest(f"the body is compressed with method {method:#x}, which is not supported here: use LZ4 or ZSTD")
