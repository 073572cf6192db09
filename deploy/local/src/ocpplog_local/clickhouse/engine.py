"""One chDB engine, and one connection a request: sessions, settings and the database in use never leak from one to the next.

Opening a connection to the engine costs less than a millisecond; the engine serves several at once.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocpplog_local.clickhouse.errors import EngineError
from ocpplog_local.clickhouse.statements import can_stream


@dataclass(frozen=True, slots=True)
class Context:
    """What a request sets before its statement runs. `parameters` are in the escaped form of the HTTP interface."""

    database: str
    settings: Mapping[str, str]
    parameters: Mapping[str, str]
    read_only: bool


@dataclass(frozen=True, slots=True)
class Result:
    """`chunks` is lazy where the result streams; an error in it is an EngineError."""

    chunks: Iterable[bytes]
    summary: dict[str, str]


class Engine:
    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        os.environ["TZ"] = "UTC"
        import chdb  # the import starts the engine's library, which reads the time zone

        self._connect = chdb.connect
        self._path = str(data.resolve())
        # Kept open: the engine lives as long as one connection does.
        self._anchor = self._connect(self._path)
        self._gate = threading.Condition()
        self._running = 0
        self._closed = False

    def close(self) -> None:
        """Wait for what is running, then close the engine."""
        with self._gate:
            self._closed = True
            self._gate.wait_for(lambda: self._running == 0, timeout=20)
        self._anchor.close()

    def query(self, statement: str, output: str, context: Context, stream: bool) -> Result:
        """Run a statement. Raises EngineError."""
        if stream and can_stream(statement, output):
            chunks = self._stream(statement, output, context)
            # The first chunk shows whether the statement is any good.
            first = next(chunks, b"")
            return Result(_chain(first, chunks), {})
        with self._session(context) as connection, _engine_errors():
            result = connection.query(statement, output, params=dict(context.parameters))
            summary = {"read_rows": str(result.storage_rows_read()), "read_bytes": str(result.storage_bytes_read())}
            return Result([result.bytes()], summary | {"result_rows": str(result.rows_read())})

    def insert(self, statement: str, input_format: str, data: Iterable[bytes], context: Context) -> Result:
        """Run an INSERT with its data. When it returns, the rows are on disk. Raises EngineError; then no row is stored."""
        with self._session(context) as connection, _engine_errors():
            inserter = connection.send_insert(statement, input_format)
            try:
                for chunk in data:
                    inserter.append(chunk)
                result = inserter.finish()
            except BaseException:
                with contextlib.suppress(Exception):
                    inserter.cancel()
                raise
        written = {"written_rows": str(result.rows_written), "written_bytes": str(result.bytes_written)}
        return Result([], written)

    def _stream(self, statement: str, output: str, context: Context) -> Iterator[bytes]:
        with self._session(context) as connection, _engine_errors():
            stream = connection.send_query(statement, output, params=dict(context.parameters))
            try:
                for chunk in stream:
                    yield chunk.bytes()
            finally:
                stream.close()

    @contextlib.contextmanager
    def _session(self, context: Context) -> Iterator[Any]:
        with self._gate:
            if self._closed:
                raise EngineError("Code: 210. DB::Exception: the server is stopping. (NETWORK_ERROR)")
            self._running += 1
        connection = None
        try:
            with _engine_errors():
                connection = self._connect(self._path)
                _prepare(connection, context)
            yield connection
        finally:
            if connection is not None:
                connection.close()
            with self._gate:
                self._running -= 1
                self._gate.notify_all()


def _prepare(connection: Any, context: Context) -> None:
    if context.database:
        connection.query(f"USE {quote_name(context.database)}")
    settings = dict(context.settings)
    if context.read_only:
        settings["readonly"] = "2"
    if settings:
        connection.query("SET " + ", ".join(f"{quote_name(name)} = {quote(value)}" for name, value in settings.items()))


def quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


@contextlib.contextmanager
def _engine_errors() -> Iterator[None]:
    try:
        yield
    except EngineError:
        raise
    except (RuntimeError, ValueError, TypeError) as error:
        raise EngineError(str(error)) from error
    except Exception as error:
        # chDB's own error type is not part of its interface.
        if type(error).__module__.startswith("chdb"):
            raise EngineError(str(error)) from error
        raise
