"""The files of the dashboard, as the package ships them: read once, compressed once."""

from __future__ import annotations

import gzip
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

_HASHED = "assets/"
"""Below it, a file's name has a hash of its content: another content has another name."""
_FOR_GOOD = "public, max-age=31536000, immutable"
_COMPRESSED = ("text/", "image/svg")
_TYPES = {".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    compressed: bytes | None
    media_type: str
    etag: str
    cache_control: str

    def answer(self, request: Request, further: Mapping[str, str] = MappingProxyType({})) -> Response:
        headers = {"ETag": self.etag, "Cache-Control": self.cache_control, "Vary": "Accept-Encoding", **further}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if self.compressed is None or "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(self.content, headers=headers, media_type=self.media_type)
        return Response(self.compressed, headers={**headers, "Content-Encoding": "gzip"}, media_type=self.media_type)


def load(directory: Path) -> dict[str, Asset]:
    """The files below `directory` by their path in it."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {name: _asset(name, path) for path in files for name in [path.relative_to(directory).as_posix()]}


def _asset(name: str, path: Path) -> Asset:
    content = path.read_bytes()
    # Not by the system's list alone: on some it has other types for scripts, which browsers then refuse.
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Asset(
        content=content,
        compressed=gzip.compress(content, 9, mtime=0) if media_type.startswith(_COMPRESSED) else None,
        media_type=media_type,
        etag=f'"{sha256(content).hexdigest()[:16]}"',
        cache_control=_FOR_GOOD if name.startswith(_HASHED) else "no-cache",
    )
