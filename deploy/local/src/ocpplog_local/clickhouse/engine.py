"""One chDB engine, and one connection a request: settings and the database in use never leak from one to the next.

Opening a connection to the engine costs less than a millisecond; the engine serves several at once.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from ocpplog_local.clickhouse.errors import EngineError
from ocpplog_local.clickhouse.statements import Insert, Statement, kill_by_comment

_PIECE: Final = 1024 * 1024
"""A result that does not stream is copied out of the engine's memory in pieces of so many bytes."""

_CONFIGURATION: Final = Path(__file__).with_name("engine.xml")
_NO_STREAM: Final = "Streaming query is not supported"


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """A table that comes with a query, for that query alone. `structure` is SQL: `id UInt64, name String`."""

    name: str
    structure: str
    format: str
    data: IO[bytes]


@dataclass(frozen=True, slots=True)
class Context:
    """What a request sets before its statement runs. `parameters` are in the escaped form of the HTTP interface."""

    query_id: str
    database: str
    settings: Mapping[str, str]
    parameters: Mapping[str, str]
    read_only: bool
    tables: Sequence[ExternalTable] = ()


@dataclass(slots=True)
class Result:
    """`chunks` is lazy, raises EngineError, and must be closed; `summary` is complete once it ends."""

    chunks: Generator[bytes, None, None]
    summary: dict[str, int] = field(default_factory=dict)

    def add(self, **counts: int) -> None:
        for name, count in counts.items():
            self.summary[name] = self.summary.get(name, 0) + count


class Engine:
    """The engine on one directory. Raises RuntimeError when the directory cannot be opened."""

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        os.environ["TZ"] = "UTC"
        time.tzset()
        import chdb  # the import starts the engine's library, which reads the time zone

        self._connect = chdb.connect
        self._path = str(data.resolve())
        # Kept open: the engine lives as long as one connection does, and has the configuration of its first.
        self._anchor = self._connect(f"{self._path}?config-file={_CONFIGURATION}")
        self._anchor_lock = threading.Lock()
        self._gate = threading.Condition()
        self._running = 0
        self._closed = False

    def close(self, patience_s: float) -> bool:
        """Wait for what is running, stop what runs longer, close the engine. False when a statement would not stop."""
        with self._gate:
            self._closed = True
            if not self._gate.wait_for(lambda: self._running == 0, timeout=patience_s):
                self._kill("1")
            if not self._gate.wait_for(lambda: self._running == 0, timeout=5):
                return False
        self._anchor.close()
        return True

    def query(self, statement: Statement, output: str, context: Context) -> Result:
        """A statement's result; it runs when the first chunk is asked for."""
        result = Result(chunks=iter_nothing())
        statement = kill_by_comment(statement)
        run = self._stream if statement.can_stream(output, context.settings) else self._whole
        result.chunks = run(statement, output, context, result)
        return result

    def insert(self, insert: Insert, data: Iterable[bytes], context: Context) -> Result:
        """Run an INSERT with its data; when it returns, the rows are in the table's files. Raises EngineError.

        As in ClickHouse, an error leaves nothing of the block it is in; a body of several blocks is not stored as one.
        """
        result = Result(chunks=iter_nothing())
        with self._session(context) as connection, _engine_errors():
            if context.parameters:
                _set(connection, {f"param_{name}": value for name, value in context.parameters.items()})
            written = _append(connection, insert, data)
            result.add(written_rows=written.rows_written(), written_bytes=written.bytes_written())
            result.add(result_rows=written.rows_written(), result_bytes=written.bytes_written())
            result.add(elapsed_ns=int(written.elapsed() * 1e9))
        return result

    def kill(self, context: Context) -> None:
        """Ask the engine to stop this request's statement. It stops at its next block."""
        if "log_comment" not in context.settings:
            self._kill(f"Settings['log_comment'] = {quote(context.query_id)}")

    def _kill(self, condition: str) -> None:
        with self._anchor_lock, contextlib.suppress(Exception):
            self._anchor.query(f"KILL QUERY WHERE {condition} ASYNC FORMAT Null")

    def _whole(self, statement: Statement, output: str, context: Context, result: Result) -> Generator[bytes, None, None]:
        with self._session(context) as connection, _engine_errors():
            found = connection.query(statement.text, output, params=dict(context.parameters))
            result.add(read_rows=found.storage_rows_read(), read_bytes=found.storage_bytes_read())
            result.add(written_rows=found.rows_written(), written_bytes=found.bytes_written())
            result.add(result_rows=found.rows_read(), elapsed_ns=int(found.elapsed() * 1e9))
        if not found.size():
            return
        view = found.get_memview()
        content = view.view()
        for start in range(0, len(content), _PIECE):
            yield bytes(content[start : start + _PIECE])

    def _stream(self, statement: Statement, output: str, context: Context, result: Result) -> Generator[bytes, None, None]:
        started = time.monotonic_ns()
        with self._session(context) as connection, _engine_errors():
            try:
                stream = connection.send_query(statement.text, output, params=dict(context.parameters))
            except Exception as error:
                if _NO_STREAM not in str(error):
                    raise
                yield from self._whole(statement, output, context, result)
                return
            try:
                for chunk in stream:
                    result.add(read_rows=chunk.storage_rows_read(), read_bytes=chunk.storage_bytes_read())
                    result.add(result_rows=chunk.rows_read())
                    result.summary["elapsed_ns"] = time.monotonic_ns() - started
                    yield chunk.bytes()
            finally:
                stream.close()

    @contextlib.contextmanager
    def _session(self, context: Context) -> Iterator[Any]:
        with self._gate:
            if self._closed:
                raise EngineError("Code: 209. DB::Exception: The server is stopping. (SOCKET_TIMEOUT)")
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
    for table in context.tables:
        connection.query(f"CREATE TEMPORARY TABLE {quote_name(table.name)} ({table.structure})")
        pieces = iter(partial(table.data.read, _PIECE), b"")
        _append(connection, Insert(f"INSERT INTO {quote_name(table.name)}".encode(), b"", table.format, 0), pieces)
    # A server wants a whole SELECT. The id of a query is the engine's own affair: the comment carries the client's.
    settings = {"implicit_select": "0", "log_comment": context.query_id, **context.settings}
    if context.read_only and settings.get("readonly", "0") == "0":
        settings["readonly"] = "2"
    _set(connection, settings)


def _set(connection: Any, settings: Mapping[str, str]) -> None:
    connection.query("SET " + ", ".join(f"{quote_name(name)} = {quote(value)}" for name, value in settings.items()))


def _append(connection: Any, insert: Insert, data: Iterable[bytes]) -> Any:
    """By way of a file: of rows that are pushed into it (`send_insert`), the engine acknowledges even those that it then refuses
    to store, for want of space or because of too many parts."""
    with tempfile.NamedTemporaryFile(prefix="insert-") as file:
        try:
            for chunk in data:
                file.write(chunk)
            file.flush()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise EngineError("Code: 243. DB::Exception: No space left for the data of an INSERT. (NOT_ENOUGH_SPACE)") from error
        source = f"\nFROM INFILE {quote(file.name)} COMPRESSION 'none'\n".encode()
        return connection.query(insert.target + source + insert.settings + b"\nFORMAT " + insert.format.encode())


def quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def iter_nothing() -> Generator[bytes, None, None]:
    yield from ()


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
