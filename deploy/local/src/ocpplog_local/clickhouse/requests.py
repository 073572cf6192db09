"""A request of ClickHouse's HTTP interface, read whole."""

from __future__ import annotations

import tempfile
import urllib.parse
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request

from ocpplog_local.clickhouse import blocks, compression
from ocpplog_local.clickhouse.engine import Context, ExternalTable
from ocpplog_local.clickhouse.errors import BadRequest

_IN_MEMORY: Final = 8 * 1024 * 1024
"""Larger bodies wait in a file."""
_MAX_FIELD: Final = 256 * 1024 * 1024
"""The longest field of a form: a statement, or a parameter."""
_TRANSPORT: Final = frozenset(
    (
        *("add_http_cors_header", "buffer_size", "client_protocol_version", "compress", "database", "decompress"),
        *("default_format", "enable_http_compression", "http_headers_progress_interval_ms", "http_zlib_compression_level"),
        *("password", "query", "query_id", "quota_key", "role", "send_progress_in_http_headers", "session_check"),
        *("session_id", "session_timeout", "stacktrace", "user", "wait_end_of_query"),
    )
)
"""URL parameters that are no settings of the query."""


@dataclass(frozen=True, slots=True)
class Job:
    """`encoding`: how the response is to be encoded; empty for not at all."""

    url_query: bytes
    body: IO[bytes]
    body_encoding: str
    packed: bool
    context: Context
    default_format: str
    whole: bool
    encoding: str
    packs: bool

    def text(self) -> Iterator[bytes]:
        """URL query and body, one after the other, as ClickHouse joins them. Raises BadRequest."""
        if self.url_query:
            yield self.url_query + b"\n"
        self.body.seek(0)
        decoded = compression.decoded(self.body, self.body_encoding)
        yield from blocks.unpacked(decoded) if self.packed else decoded

    def encoder(self) -> compression.Encoder:
        return blocks.Packer() if self.packs else compression.encoder(self.encoding)


async def receive(request: Request, spool: Path) -> Job | None:
    """The request with its body; None when it asks for nothing. Raises BadRequest and ClientDisconnect."""
    parameters = dict(request.query_params)
    body: IO[bytes] = tempfile.SpooledTemporaryFile(mode="w+b", max_size=_IN_MEMORY, dir=str(spool))  # noqa: SIM115
    try:
        tables: list[ExternalTable] = []
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            fields, tables = await _form(request, parameters)
            parameters |= fields
        else:
            async for chunk in request.stream():
                body.write(chunk)
            parameters |= _urlencoded(request, parameters, body)
        if parameters.get("query") or body.tell():
            return _job(request, parameters, body, tables)
    except BaseException:
        body.close()
        raise
    body.close()
    return None


def _job(request: Request, parameters: Mapping[str, str], body: IO[bytes], tables: list[ExternalTable]) -> Job:
    of_tables = {f"{table.name}_{part}" for table in tables for part in ("format", "structure", "types")}
    settings = {
        name: value
        for name, value in parameters.items()
        if name not in _TRANSPORT and name not in of_tables and not name.startswith("param_")
    }
    context = Context(
        query_id=parameters.get("query_id") or str(uuid.uuid4()),
        database=parameters.get("database") or request.headers.get("x-clickhouse-database", ""),
        settings=settings,
        parameters={name[6:]: value for name, value in parameters.items() if name.startswith("param_")},
        read_only=request.method != "POST",
        tables=tables,
    )
    wants = _is_on(parameters, "enable_http_compression")
    return Job(
        url_query=parameters.get("query", "").encode(),
        body=body,
        body_encoding=request.headers.get("content-encoding", "").strip().lower(),
        packed=_is_on(parameters, "decompress"),
        context=context,
        default_format=parameters.get("default_format") or request.headers.get("x-clickhouse-format") or "TabSeparated",
        whole=_is_on(parameters, "wait_end_of_query"),
        encoding=compression.choose(request.headers.get("accept-encoding", "")) if wants else "",
        packs=_is_on(parameters, "compress"),
    )


def _is_on(parameters: Mapping[str, str], name: str) -> bool:
    return parameters.get(name, "0").lower() in ("1", "true")


def _urlencoded(request: Request, parameters: Mapping[str, str], body: IO[bytes]) -> dict[str, str]:
    """Parameters in a form's body. `curl -d 'SELECT 1'` says it sends a form, too, and means the statement."""
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if not is_form or parameters.get("query"):
        return {}
    body.seek(0)
    content = body.read()
    if not content.startswith((b"query=", b"param_", b"database=", b"default_format=")):
        return {}
    body.seek(0)
    body.truncate()
    return dict(urllib.parse.parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True))


async def _form(request: Request, parameters: Mapping[str, str]) -> tuple[dict[str, str], list[ExternalTable]]:
    """Fields are parameters, files are external tables; Starlette closes the files with the request."""
    try:
        form = await request.form(max_files=1000, max_fields=10_000, max_part_size=_MAX_FIELD)
    except ClientDisconnect:
        raise
    except Exception as error:
        raise BadRequest(f"the form cannot be read: {error}") from error
    items = form.multi_items()
    fields = {name: value for name, value in items if isinstance(value, str)}
    files = [(name, value) for name, value in items if isinstance(value, UploadFile)]
    return fields, [_table(name, file, {**parameters, **fields}) for name, file in files]


def _table(name: str, file: UploadFile, parameters: Mapping[str, str]) -> ExternalTable:
    structure = parameters.get(f"{name}_structure", "")
    if types := parameters.get(f"{name}_types", ""):
        structure = ", ".join(f"_{number} {kind}" for number, kind in enumerate(types.split(","), 1))
    if not structure:
        raise BadRequest(f"neither {name}_structure nor {name}_types describes the external table {name}")
    return ExternalTable(name, structure, parameters.get(f"{name}_format") or "TabSeparated", file.file)
