"""HTTP content encodings, both ways."""

from __future__ import annotations

import bz2
import importlib
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, Final, Protocol

import lz4.frame
import zstandard

from ocpplog_local.clickhouse.errors import BadRequest

_CHUNK: Final = 64 * 1024
"""How much is decoded at a time: bounds what a small but dense body becomes in memory."""


class Encoder(Protocol):
    """What a response passes through on its way."""

    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class Plain:
    """No encoding."""

    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


class _Lz4:
    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()
        self._head: bytes = self._frame.begin()

    def compress(self, data: bytes, /) -> bytes:
        head, self._head = self._head, b""
        return head + bytes(self._frame.compress(data))

    def flush(self) -> bytes:
        return self._head + bytes(self._frame.flush())


_ENCODERS: Final[dict[str, Callable[[], Encoder]]] = {
    "lz4": _Lz4,
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    "gzip": lambda: zlib.compressobj(1, wbits=31),
    "deflate": lambda: zlib.compressobj(1),
}
"""The cheapest first: what a client lists is a set, not an order."""

_DECODERS: Final[dict[str, Callable[[], Any]]] = {
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "x-gzip": lambda: zlib.decompressobj(wbits=31),
    "deflate": zlib.decompressobj,
    "xz": lzma.LZMADecompressor,
    "bz2": bz2.BZ2Decompressor,
}


def choose(accepted: str) -> str:
    """The response encoding for an Accept-Encoding header; empty for none."""
    offered = [part.split(";")[0].strip().lower() for part in accepted.split(",")]
    return next((name for name in _ENCODERS if name in offered), "")


def encoder(encoding: str) -> Encoder:
    """For a name that `choose` returned."""
    return _ENCODERS[encoding]() if encoding else Plain()


def decoded(body: IO[bytes], encoding: str) -> Iterator[bytes]:
    """The body without its Content-Encoding, in pieces. Raises BadRequest for data that are not of that encoding, or cut."""
    if encoding in ("", "identity"):
        while chunk := body.read(_CHUNK * 16):
            yield chunk
        return
    make = _brotli() if encoding == "br" else _DECODERS.get(encoding)
    if make is None:
        raise BadRequest(f"Content-Encoding {encoding!r} is not supported here: use one of {', '.join(_DECODERS)}", 415)
    try:
        yield from _decode(body, make)
    except (ValueError, OSError, EOFError, RuntimeError, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise BadRequest(f"the body is not {encoding}: {error}") from error


def _decode(body: IO[bytes], make: Callable[[], Any]) -> Iterator[bytes]:
    """One frame after the other: a body may be several, put together."""
    decoder = make()
    ended = False
    while chunk := body.read(_CHUNK):
        while chunk:
            if ended:
                decoder = make()
            if found := decoder.decompress(chunk):
                yield found
            ended = decoder.eof
            chunk = (decoder.unused_data or b"") if ended else b""
    if not ended:
        raise EOFError("it ends too early")


def _brotli() -> Callable[[], Any] | None:
    """Brotli, where somebody has installed it: clickhouse-connect offers it only then, too."""
    try:
        module = importlib.import_module("brotli")
    except ImportError:
        return None

    class Decompressor:
        unused_data = b""

        def __init__(self) -> None:
            self._inner = module.Decompressor()

        @property
        def eof(self) -> bool:
            return bool(self._inner.is_finished())

        def decompress(self, data: bytes) -> bytes:
            try:
                return bytes(self._inner.process(data))
            except module.error as error:
                raise ValueError(str(error)) from error

    return Decompressor
