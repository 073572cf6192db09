"""HTTP content encodings, both ways."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any

import lz4.frame
import zstandard

from ocpplog_local.clickhouse.errors import BadRequest

_CHUNK = 4 * 1024 * 1024


def decoded(body: IO[bytes], encoding: str) -> Iterator[bytes]:
    """The body without its Content-Encoding, in pieces. Raises BadRequest for data that are not of that encoding."""
    try:
        reader = _reader(body, encoding)
        while chunk := reader.read(_CHUNK):
            yield chunk
    except (OSError, EOFError, RuntimeError, zlib.error, zstandard.ZstdError) as error:
        raise BadRequest(f"the body is not {encoding}: {error}") from error


def _reader(body: IO[bytes], encoding: str) -> Any:
    match encoding:
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return gzip.GzipFile(fileobj=body, mode="rb")
        case "lz4":
            return lz4.frame.LZ4FrameFile(body)
        case "zstd":
            return zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True)
        case "deflate":
            return _Deflated(body)
        case _:
            raise BadRequest(f"Content-Encoding {encoding!r} is not supported here: use gzip, deflate, lz4 or zstd", 415)


class _Deflated:
    def __init__(self, body: IO[bytes]) -> None:
        self._body = body
        self._inflate = zlib.decompressobj()

    def read(self, size: int) -> bytes:
        while chunk := self._body.read(size):
            if found := self._inflate.decompress(chunk):
                return found
        return self._inflate.flush()


def choose(accepted: str) -> str:
    """The response encoding for an Accept-Encoding header; empty for none."""
    offered = [part.split(";")[0].strip() for part in accepted.split(",")]
    return next((name for name in ("lz4", "zstd", "gzip", "deflate") if name in offered), "")


def encoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """`chunks` in that encoding; an error in them comes through, so that a cut result is never closed as a whole one."""
    if encoding == "lz4":
        with lz4.frame.LZ4FrameCompressor() as frame:
            yield frame.begin()
            for chunk in chunks:
                yield frame.compress(chunk)
            yield frame.flush()
        return
    compressor: Any
    if encoding == "zstd":
        compressor = zstandard.ZstdCompressor(level=1).compressobj()
    else:
        compressor = zlib.compressobj(1, wbits=31 if encoding == "gzip" else 15)
    for chunk in chunks:
        yield compressor.compress(chunk)
    yield compressor.flush()
