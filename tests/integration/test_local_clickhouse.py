"""The local ClickHouse front, through clickhouse-connect and plain HTTP."""

from __future__ import annotations

import asyncio
import gzip
import lzma
import signal
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import lz4.frame
import pytest
import zstandard
from clickhouse_connect.driver import AsyncClient, Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from integration.local_clickhouse_support import (
    LOG_TABLE,
    blocks_of,
    compressed_files,
    eventually,
    exchange,
    long_query,
    resident_mb,
    statements_running,
    while_running,
)
from ocpplog_local.clickhouse import blocks
from ocpplog_local.clickhouse.blocks import checksum as checksum_of
from support.processes import LocalClickHouse, local_clickhouse

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalClickHouse]:
    # The machine's own zone must not matter.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        yield from _server(tmp_path_factory)


def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalClickHouse]:
    with local_clickhouse(tmp_path_factory.mktemp("clickhouse")) as found:
        yield found


@pytest.fixture
def client(server: LocalClickHouse) -> Iterator[Client]:
    with clickhouse_connect.get_client(host="127.0.0.1", port=server.port) as found:
        yield found


@pytest.fixture
async def async_client(server: LocalClickHouse) -> Any:
    found = await clickhouse_connect.get_async_client(host="127.0.0.1", port=server.port)
    yield found
    await found.close()


@pytest.fixture
def table(client: Client, request: pytest.FixtureRequest) -> str:
    name = f"t_{abs(hash(request.node.nodeid))}"
    client.command(
        f"CREATE TABLE {name} (a UInt64, b String, at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = MergeTree ORDER BY a"
        " SETTINGS non_replicated_deduplication_window = 100"
    )
    return name


ODD = "tab\t line\n 'quote' \"double\" back\\slash é ü 漢字 \x00 end"


class TestQueries:
    def test_version_and_time_zone(self, server: LocalClickHouse, client: Client) -> None:
        assert (client.server_version or "").startswith("26.")
        assert client.query("SELECT timezone()").result_rows in ([("UTC",)], [("Etc/UTC",)])
        assert client.query("SELECT toString(toDateTime(0)), toHour(now()) = toHour(now('UTC'))").result_rows == [
            ("1970-01-01 00:00:00", 1)
        ]
        assert httpx.post(server.url, content="SELECT 1").headers["X-ClickHouse-Timezone"] == "UTC"

    def test_merges_give_way_to_queries(self, client: Client) -> None:
        setting = "SELECT value FROM system.server_settings WHERE name = 'os_threads_nice_value_merge_mutate'"
        assert client.query(setting).result_rows == [("10",)]

    def test_bound_parameters(self, client: Client) -> None:
        moment = datetime(2026, 11, 24, 10, 3, 49, 123000, UTC)
        result = client.query(
            "SELECT {text:String}, {texts:Array(String)}, {at:DateTime64(3, 'UTC')}, {none:Nullable(Int32)}, {n:UInt64}",
            {"text": ODD, "texts": [ODD, "", "a,b"], "at": moment, "none": None, "n": 2**63},
        )
        assert result.result_rows == [(ODD, [ODD, "", "a,b"], moment.replace(tzinfo=None), None, 2**63)]

    def test_a_result_of_many_blocks(self, client: Client) -> None:
        result = client.query("SELECT number, toString(number) FROM numbers(300000)")
        assert len(result.result_rows) == 300_000
        assert result.result_rows[-1] == (299_999, "299999")

    def test_an_empty_result_keeps_its_columns(self, client: Client) -> None:
        assert client.query("SELECT 1 AS x WHERE 0 LIMIT 0").column_names == ("x",)
        assert client.query("SELECT 1 AS x WHERE 0").result_rows == []

    @pytest.mark.parametrize("compression", [True, False, "lz4", "zstd", "gzip"])
    def test_compression(self, server: LocalClickHouse, client: Client, table: str, compression: bool | str) -> None:
        with clickhouse_connect.get_client(host="127.0.0.1", port=server.port, compress=compression) as other:
            other.insert(table, [[n, "x" * 1000] for n in range(2000)], column_names=["a", "b"])
            assert other.query(f"SELECT count(), sum(length(b)) FROM {table}").result_rows == [(2000, 2_000_000)]
            assert len(other.query(f"SELECT b FROM {table}").result_rows) == 2000

    def test_form_encoded_parameters(self, server: LocalClickHouse) -> None:
        with clickhouse_connect.get_client(host="127.0.0.1", port=server.port, form_encode_query_params=True) as other:
            assert other.query("SELECT length({x:String})", {"x": "y" * 100_000}).result_rows == [(100_000,)]

    def test_curl_d(self, server: LocalClickHouse) -> None:
        """curl -d sends any body as application/x-www-form-urlencoded."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        assert httpx.post(server.url, content="SELECT 1 + 1", headers=headers).text == "2\n"

    def test_external_data(self, client: Client) -> None:
        external = ExternalData(file_name="known.csv", data=b"1,a\n3,c\n", fmt="CSV", structure="id UInt64, name String")
        sql = "SELECT number FROM numbers(5) WHERE number IN (SELECT id FROM known) AND number < {n:UInt8}"
        assert client.query(sql, {"n": 3}, external_data=external).result_rows == [(1,)]
        with pytest.raises(DatabaseError):
            client.query("SELECT * FROM known")

    def test_data_frames(self, client: Client) -> None:
        frame = client.query_df("SELECT number AS n, toString(number) AS s FROM numbers(3)")
        assert (list(frame["n"]), list(frame["s"])) == ([0, 1, 2], ["0", "1", "2"])

    def test_the_log_table_with_its_text_index(self, client: Client) -> None:
        for statement in LOG_TABLE:
            client.command(statement)
        columns = ["datetime", "site_id", "action", "request"]
        at = datetime(2026, 11, 24, tzinfo=UTC)
        rows = [[at, f"s{n % 3}", "Heartbeat", f'{{"serial":"CP-{n:04}"}}'] for n in range(5000)]
        client.insert("log", rows, column_names=columns)
        found = client.query("SELECT request FROM log WHERE hasAllTokens(search, {t:String})", {"t": "cp 0042"})
        assert found.result_rows == [('{"serial":"CP-0042"}',)]
        assert client.query("SELECT sum(n) FROM log_hourly").result_rows == [(5000,)]
        assert "ft" in str(client.command("EXPLAIN indexes = 1 SELECT count() FROM log WHERE hasAllTokens(search, 'x')"))

    def test_settings_hold_for_their_query_only(self, client: Client) -> None:
        sql = "SELECT getSetting('max_threads')::UInt64"
        assert client.query(sql, settings={"max_threads": 3}).result_rows == [(3,)]
        assert client.query(sql).result_rows != [(3,)]

    def test_time_limit(self, client: Client) -> None:
        with pytest.raises(DatabaseError, match="TIMEOUT_EXCEEDED"):
            client.query(long_query(), settings={"max_execution_time": 1})

    async def test_async_client(self, async_client: AsyncClient, table: str) -> None:
        await async_client.insert(table, [[1, ODD], [2, "b"]], column_names=["a", "b"])
        result = await async_client.query(f"SELECT b FROM {table} WHERE a = {{a:UInt64}}", {"a": 1})
        assert result.result_rows == [(ODD,)]
        await async_client.raw_insert(table, insert_block=b'{"a":3,"b":"c"}\n', fmt="JSONEachRow")
        assert await async_client.command(f"SELECT count() FROM {table}") == 3
        assert await async_client.raw_query(f"SELECT a FROM {table} ORDER BY a", fmt="CSV") == b"1\n2\n3\n"
        queries = [async_client.query("SELECT {n:UInt8}", {"n": n}) for n in range(20)]
        assert [r.result_rows[0][0] for r in await asyncio.gather(*queries)] == list(range(20))


class TestInterface:
    """What does not go through clickhouse-connect."""

    def test_headers(self, server: LocalClickHouse) -> None:
        answer = httpx.post(server.url, params={"query_id": "mine"}, content="SELECT number FROM numbers(10)")
        assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
        assert answer.headers["X-ClickHouse-Format"] == "TabSeparated"
        assert '"read_rows":"10"' in answer.headers["X-ClickHouse-Summary"]
        assert answer.headers["Content-Type"].startswith("text/tab-separated-values")
        assert len(answer.headers["X-ClickHouse-Exception-Tag"]) == 16

    @pytest.mark.parametrize("path", ["", "ping", "replicas_status"])
    def test_health(self, server: LocalClickHouse, path: str) -> None:
        assert httpx.get(server.url + path).text == "Ok.\n"
        assert httpx.head(server.url + path).status_code == 200

    @pytest.mark.parametrize(
        ("sql", "text"),
        [
            ("SELECT 1 AS format -- FORMAT JSON", "1\n"),
            ("SELECT 1 AS x FORMAT JSONEachRow SETTINGS max_threads = 1;", '{"x":1}\n'),
            ("SELECT 'FORMAT CSV; ' FORMAT CSVWithNames", '"\'FORMAT CSV; \'"\n"FORMAT CSV; "\n'),
            ("SELECT number % 2 AS k, count() FROM numbers(3) GROUP BY k WITH TOTALS ORDER BY k", "0\t2\n1\t1\n\n0\t3\n"),
            ("EXISTS TABLE nowhere FORMAT CSV", "0\n"),
            ("(SELECT 1) UNION ALL (SELECT 1)", "1\n1\n"),
            ("SELECT number FROM numbers(0) FORMAT CSVWithNames", '"number"\n'),
        ],
    )
    def test_formats(self, server: LocalClickHouse, sql: str, text: str) -> None:
        assert httpx.post(server.url, content=sql).text == text

    def test_ways_to_send_a_query(self, server: LocalClickHouse) -> None:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert httpx.post(server.url, content="SELECT 'a=b&c'", headers=form).text == "a=b&c\n"
        assert httpx.post(server.url, data={"query": "SELECT {x:String}", "param_x": "é"}).text == "é\n"
        assert httpx.post(server.url, params={"query": "SELECT"}, content="2").text == "2\n"
        assert httpx.get(server.url, params={"query": "SELECT 3"}, auth=("default", "any")).text == "3\n"

    def test_continues_when_asked_to(self, server: LocalClickHouse) -> None:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        first, rest = exchange(server.port, head, b"SELECT 1")
        assert first.startswith(b"HTTP/1.1 100 ")
        assert rest.endswith(b"\r\n\r\n1\n")

    def test_block_compression(self, server: LocalClickHouse, client: Client, table: str) -> None:
        packer = blocks.Packer()
        body = packer.compress(b"".join(b"%d,x\n" % n for n in range(300_000))) + packer.flush()
        query = {"query": f"INSERT INTO {table} (a, b) FORMAT CSV", "decompress": "1"}
        assert httpx.post(server.url, params=query, content=body[:-1]).status_code == 400
        httpx.post(server.url, params=query, content=body).raise_for_status()
        answer = httpx.post(server.url, params={"compress": "1"}, content=f"SELECT a FROM {table} ORDER BY a FORMAT CSV")
        assert b"".join(blocks.unpacked(iter([answer.content]))) == b"".join(b"%d\n" % n for n in range(300_000))

    def test_block_checksums_are_those_of_the_engines_own_files(
        self, server: LocalClickHouse, client: Client, table: str
    ) -> None:
        for size in (1, 2, 10, 1000, 100_000):
            client.command(f"INSERT INTO {table} (a, b) SELECT number, randomString(rand() % 9) FROM numbers({size})")
        checked = 0
        for content in compressed_files(server):
            for checksum, block in blocks_of(content):
                assert checksum_of(block) == checksum
                checked += 1
        assert checked > 20

    def test_a_query_can_be_killed(self, server: LocalClickHouse) -> None:
        def kill() -> None:
            answer = httpx.post(server.url, content="KILL QUERY WHERE query_id = 'k1' FORMAT CSV")
            assert answer.text.startswith('"waiting"')

        answer = while_running(server.url, long_query(), kill, query_id="k1")
        assert answer.headers["X-ClickHouse-Exception-Code"] == "394"

    @pytest.mark.parametrize("sql", [long_query(), "SELECT number, randomString(100) FROM numbers(100000000000)"])
    def test_nobody_works_for_a_client_that_left(self, server: LocalClickHouse, sql: str) -> None:
        with pytest.raises(httpx.ReadTimeout), httpx.stream("POST", server.url, content=sql, timeout=0.5) as answer:
            next(answer.iter_raw())
            raise httpx.ReadTimeout("left")
        assert eventually(lambda: statements_running(server.url) == 0)

    def test_others_work_while_queries_last(self, server: LocalClickHouse, client: Client, table: str) -> None:
        def look() -> None:
            assert httpx.get(server.url + "ping", timeout=2).text == "Ok.\n"
            client.insert(table, [[1, "x"]], column_names=["a", "b"])

        answer = while_running(server.url, long_query(), look, copies=20, max_execution_time="3")
        assert answer.headers["X-ClickHouse-Exception-Code"] == "159"


class TestErrors:
    @pytest.mark.parametrize(
        ("sql", "code"),
        [("SELECT * FROM nowhere", 60), ("SELEC 1", 62), ("SELECT nothing", 47), ("SELECT throwIf(1)", 395)],
    )
    def test_code_and_text(self, client: Client, sql: str, code: int) -> None:
        with pytest.raises(DatabaseError) as caught:
            client.query(sql)
        assert caught.value.code == code

    def test_unknown_setting(self, server: LocalClickHouse) -> None:
        answer = httpx.post(server.url + "?no_such_setting=1", content="SELECT 1")
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (404, "115")

    @pytest.mark.parametrize("compression", [False, "lz4", "zstd", "gzip"])
    def test_an_error_in_the_middle_is_no_result(self, server: LocalClickHouse, compression: bool | str) -> None:
        sql = "SELECT throwIf(number = 2900000), number FROM numbers(3000000)"
        one_thread = {"max_threads": 1}
        with clickhouse_connect.get_client(host="127.0.0.1", port=server.port, compress=compression) as other:
            with pytest.raises((DatabaseError, StreamFailureError), match="FUNCTION_THROW_IF"):
                other.query(sql, settings=one_thread)
            with (
                pytest.raises(StreamFailureError, match="FUNCTION_THROW_IF"),
                other.query_row_block_stream(sql, settings=one_thread) as stream,
            ):
                assert sum(len(block) for block in stream) < 3_000_000

    def test_an_error_in_the_middle_breaks_the_connection(self, server: LocalClickHouse) -> None:
        sql = "SELECT throwIf(number = 2900000), number FROM numbers(3000000) SETTINGS max_threads = 1"
        received = b""
        with pytest.raises(httpx.RemoteProtocolError), httpx.stream("POST", server.url, content=sql) as answer:
            tag = answer.headers["X-ClickHouse-Exception-Tag"].encode()
            for chunk in answer.iter_raw():
                received = (received + chunk)[-2000:]
        assert b"__exception__\r\n" + tag + b"\r\nCode: 395." in received
        assert received.endswith(tag + b"\r\n__exception__\r\n")

    @pytest.mark.parametrize(
        ("sql", "status", "code"),
        [
            ("SELECT 1; SELECT 2", 400, 62),
            ("-- nothing", 400, 62),
            ("7", 400, 62),
            ("SELECT 1 INTO OUTFILE '/tmp/out'", 500, 358),
            ("INSERT INTO t FROM INFILE '/etc/hostname' FORMAT CSV", 404, 78),
            ("INSERT INTO t SELECT x FROM input('x String') FORMAT CSV\na", 501, 48),
        ],
    )
    def test_what_a_server_refuses(self, server: LocalClickHouse, sql: str, status: int, code: int) -> None:
        answer = httpx.post(server.url, content=sql)
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
        assert answer.text.startswith(f"Code: {code}. DB::Exception: ")

    def test_bad_requests(self, server: LocalClickHouse) -> None:
        multipart = {"Content-Type": "multipart/form-data"}
        assert httpx.post(server.url, content=b"x", headers=multipart).status_code == 400
        bounded = {"Content-Type": "multipart/form-data; boundary=b"}
        assert httpx.post(server.url, content=b"x", headers=bounded).status_code == 400
        assert httpx.put(server.url, content=b"SELECT 1").status_code == 405
        assert httpx.post(server.url, content="SELECT 1", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert exchange(server.port, b"\x00\x01\x02\r\n\r\n")[0].startswith(b"HTTP/1.1 400 ")
        assert exchange(server.port, b"GET / HTTP/1.1\r\nX: " + b"x" * 2_000_000)[0][:13] in (b"HTTP/1.1 400 ", b"")
        assert httpx.get(server.url + "ping").text == "Ok.\n"

    def test_a_refused_insert_stores_nothing(self, server: LocalClickHouse, client: Client, table: str) -> None:
        answer = httpx.post(
            server.url, params={"query": f"INSERT INTO {table} (a) FORMAT JSONEachRow"}, content='{"a":1}\n{"a":"x"}'
        )
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "27")
        assert client.command(f"SELECT count() FROM {table}") == 0

    @pytest.mark.parametrize(
        ("setting", "code"),
        [
            ("min_free_disk_bytes_to_perform_insert = 1000000000000000", 243),
            ("table_readonly = 1", 774),
            ("parts_to_throw_insert = 1", 252),
        ],
    )
    def test_what_the_table_does_not_take_is_not_acknowledged(self, client: Client, table: str, setting: str, code: int) -> None:
        """Errors that the engine raises once it has the data."""
        client.insert(table, [[1, "x"]], column_names=["a", "b"])
        client.command(f"ALTER TABLE {table} MODIFY SETTING {setting}")
        sends: list[Callable[[], object]] = [
            lambda: client.insert(table, [[2, "y"]], column_names=["a", "b"]),
            lambda: client.raw_insert(table, insert_block=b'{"a":3}', fmt="JSONEachRow"),
            lambda: client.command(f"INSERT INTO {table} (a) VALUES (4)"),
        ]
        for send in sends:
            with pytest.raises(DatabaseError) as refused:
                send()
            assert refused.value.code == code
        client.command(f"ALTER TABLE {table} RESET SETTING {setting.split()[0]}")
        client.raw_insert(table, insert_block=b'{"a":3}', fmt="JSONEachRow")
        assert client.query(f"SELECT a FROM {table} ORDER BY a").result_rows == [(1,), (3,)]

    def test_what_is_not_supported_says_so(self, server: LocalClickHouse) -> None:
        assert httpx.get(server.url + "nowhere").status_code == 404
        assert httpx.post(server.url, content=b"x", headers={"Content-Encoding": "snappy"}).status_code == 415
        assert httpx.post(server.url, content=b"not gzip", headers={"Content-Encoding": "gzip"}).status_code == 400
        assert httpx.get(server.url + "ping").text == "Ok.\n"

    def test_get_does_not_write(self, server: LocalClickHouse, table: str) -> None:
        for more in ({}, {"readonly": "0"}):
            for sql in (f"INSERT INTO {table} (a) VALUES (1)", f"INSERT INTO {table} (a) FORMAT CSV", f"DROP TABLE {table}"):
                answer = httpx.get(server.url, params={"query": sql, **more})
                assert answer.headers["X-ClickHouse-Exception-Code"] == "164"


class TestInserts:
    def test_bytes_come_back_as_they_were(self, client: Client, table: str) -> None:
        data = bytes(range(256))
        client.insert(table, [[1, data]], column_names=["a", "b"], column_type_names=["UInt64", "String"])
        assert client.query(f"SELECT b FROM {table}", query_formats={"String": "bytes"}).result_rows == [(data,)]

    def test_with_curl_in_several_ways(self, server: LocalClickHouse, client: Client, table: str) -> None:
        httpx.post(server.url, content=f"INSERT INTO {table} (a, b) VALUES (1, 'FORMAT CSV'), (2, 'y')").raise_for_status()
        httpx.post(server.url, content=f'INSERT INTO {table} (a, b) FORMAT CSV\n3,"z"\n').raise_for_status()
        query = {"query": f"INSERT INTO {table} (a, b) FORMAT JSONEachRow"}
        packed = gzip.compress(b'{"a":4,"b":"FORMAT"}')
        httpx.post(server.url, params=query, content=packed, headers={"Content-Encoding": "gzip"}).raise_for_status()
        httpx.post(server.url, content=f"INSERT INTO {table} (a, b) SELECT a + 10, b FROM {table}").raise_for_status()
        settings = f"INSERT INTO {table} (a, b) SETTINGS input_format_csv_empty_as_default = 1 FORMAT CSV\n9,\n"
        httpx.post(server.url, content=settings).raise_for_status()
        answer = httpx.get(server.url, params={"query": f"SELECT a, b FROM {table} ORDER BY a LIMIT 4", "default_format": "CSV"})
        assert answer.text == '1,"FORMAT CSV"\n2,"y"\n3,"z"\n4,"FORMAT"\n'
        assert client.command(f"SELECT count() FROM {table}") == 9

    @pytest.mark.parametrize(
        ("encoding", "pack"),
        [
            ("gzip", gzip.compress),
            ("deflate", zlib.compress),
            ("lz4", lz4.frame.compress),
            ("zstd", zstandard.compress),
            ("xz", lzma.compress),
        ],
    )
    def test_encoded_bodies(self, server: LocalClickHouse, client: Client, table: str, encoding: str, pack: Any) -> None:
        rows = [b"%d,x\n" % n for n in range(20_000)]
        query = {"query": f"INSERT INTO {table} (a, b) FORMAT CSV"}
        headers = {"Content-Encoding": encoding}
        whole = pack(b"".join(rows[:5])) + pack(b"".join(rows[5:]))
        assert httpx.post(server.url, params=query, content=whole[:-9], headers=headers).status_code == 400
        assert client.command(f"SELECT count() FROM {table}") == 0
        httpx.post(server.url, params=query, content=whole, headers=headers).raise_for_status()
        assert client.query(f"SELECT count(), sum(a) FROM {table}").result_rows == [(20_000, 199_990_000)]

    def test_values_that_are_no_text(self, server: LocalClickHouse, client: Client, table: str) -> None:
        httpx.post(server.url, content=b"INSERT INTO %s (a, b) VALUES (1, '\xff\x00;')" % table.encode()).raise_for_status()
        httpx.post(server.url, params={"query": f"INSERT INTO {table} (a, b) VALUES"}, content="(2, ';')").raise_for_status()
        bound = {"param_x": "FORMAT Native\\n", "param_t": table}
        httpx.post(
            server.url, params=bound, content="INSERT INTO {t:Identifier} (a, b) VALUES (3, {x:String})"
        ).raise_for_status()
        httpx.post(server.url, params=bound, content="INSERT INTO {t:Identifier} (a, b) FORMAT CSV\n4,x").raise_for_status()
        rows = client.query(f"SELECT hex(b) FROM {table} ORDER BY a").result_rows
        assert [bytes.fromhex(text) for (text,) in rows] == [b"\xff\x00;", b";", b"FORMAT Native\n", b"x"]

    def test_half_a_body_stores_nothing(self, server: LocalClickHouse, client: Client, table: str) -> None:
        url = f"/?query=INSERT+INTO+{table}+(a)+FORMAT+CSV"
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(f"POST {url} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n1\n2\n".encode())
            time.sleep(0.1)
        time.sleep(0.1)
        assert client.command(f"SELECT count() FROM {table}") == 0

    def test_asynchronous_ones_are_stored_when_acknowledged(self, client: Client, table: str) -> None:
        settings = {"async_insert": 1, "wait_for_async_insert": 0}
        client.insert(table, [[1, "x"]], column_names=["a", "b"], settings=settings)
        client.command(f"INSERT INTO {table} (a) VALUES (2)", settings=settings)
        assert client.command(f"SELECT count() FROM {table}") == 2

    def test_a_large_one(self, client: Client, table: str) -> None:
        client.insert(table, [[n, f"{n:01000}"] for n in range(100_000)], column_names=["a", "b"])
        assert client.query(f"SELECT count(), uniqExact(b) FROM {table}").result_rows == [(100_000, 100_000)]

    def test_memory_does_not_grow(self, server: LocalClickHouse, client: Client, table: str) -> None:
        rows = [[n, f"{n:01000}"] for n in range(1000)]
        for _ in range(20):
            client.insert(table, rows, column_names=["a", "b"])
        before = resident_mb(server.process.child.pid)
        for _ in range(100):
            client.insert(table, rows, column_names=["a", "b"])
        assert resident_mb(server.process.child.pid) < before + 150

    def test_the_same_token_stores_once(self, client: Client, table: str) -> None:
        for data in ([[1, "x"]], [[1, "x"]], [[2, "other data"]]):
            client.insert(table, data, column_names=["a", "b"], settings={"insert_deduplication_token": "one"})
        client.insert(table, [[3, "z"]], column_names=["a", "b"], settings={"insert_deduplication_token": "two"})
        assert client.query(f"SELECT a FROM {table} ORDER BY a").result_rows == [(1,), (3,)]

    def test_readers_beside_a_writer(self, server: LocalClickHouse, client: Client, table: str) -> None:
        errors: list[BaseException] = []
        done = threading.Event()

        def read() -> None:
            try:
                with clickhouse_connect.get_client(host="127.0.0.1", port=server.port) as reader:
                    last = 0
                    while not done.is_set():
                        [(count, total)] = reader.query(f"SELECT count(), sum(a) FROM {table}").result_rows
                        assert count >= last
                        assert total == count * (count - 1) // 2
                        last = count
            except BaseException as error:
                errors.append(error)

        readers = [threading.Thread(target=read) for _ in range(6)]
        for reader in readers:
            reader.start()
        for start in range(0, 10_000, 200):
            client.insert(table, [[n, "x"] for n in range(start, start + 200)], column_names=["a", "b"])
        done.set()
        for reader in readers:
            reader.join()
        assert errors == []
        assert client.command(f"SELECT count() FROM {table}") == 10_000


class TestLifetime:
    def test_acknowledged_rows_survive_sigkill_and_tokens_too(self, tmp_path: Path) -> None:
        with local_clickhouse(tmp_path) as server:
            with clickhouse_connect.get_client(host="127.0.0.1", port=server.port) as client:
                client.command(
                    "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a"
                    " SETTINGS non_replicated_deduplication_window = 100, fsync_after_insert = 1"
                )
                for n in range(20):
                    client.insert("t", [[n]], column_names=["a"], settings={"insert_deduplication_token": f"t{n}"})
            server.process.kill()
            server.start()
            with clickhouse_connect.get_client(host="127.0.0.1", port=server.port) as client:
                client.insert("t", [[99]], column_names=["a"], settings={"insert_deduplication_token": "t19"})
                assert client.query("SELECT count(), max(a) FROM t").result_rows == [(20, 19)]
            assert server.process.stop() == 0

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_requests_in_flight_are_finished(self, tmp_path: Path, number: int) -> None:
        with local_clickhouse(tmp_path) as server:
            sql = "SELECT sleepEachRow(0.2), number FROM numbers(3) SETTINGS max_block_size = 1"
            answer = while_running(server.url, sql, lambda: server.process.child.send_signal(number))
            assert answer.text == "0\t0\n0\t1\n0\t2\n"
            assert server.process.child.wait(10) == 0

    def test_what_a_killed_run_left_is_removed(self, tmp_path: Path) -> None:
        left = tmp_path / "spool" / "left"
        left.parent.mkdir()
        left.write_bytes(b"x")
        with local_clickhouse(tmp_path) as server:
            assert not left.exists()
            sql = "INSERT INTO FUNCTION null('x String') FORMAT CSV"
            httpx.post(server.url, params={"query": sql}, content=b"x" * 20_000_000).raise_for_status()
            assert list(left.parent.iterdir()) == []

    def test_a_held_directory_is_said_in_one_line(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        with local_clickhouse(tmp_path / "data"):
            other = LocalClickHouse(tmp_path / "data", log=log)
            other.process.start()
            assert other.process.child.wait(20) == 1
        assert log.read_text().splitlines()[-1].startswith("local ClickHouse: the directory")

    def test_a_directory_that_cannot_be_used_is_said_in_one_line(self, tmp_path: Path) -> None:
        other = LocalClickHouse(tmp_path / "{a,b}", log=tmp_path / "log")
        other.process.start()
        assert other.process.child.wait(20) == 1
        assert (tmp_path / "log").read_text().splitlines()[-1].startswith("local ClickHouse: the name of the directory")

    def test_a_taken_port_is_said_in_one_line(self, server: LocalClickHouse, tmp_path: Path) -> None:
        log = tmp_path / "log"
        other = LocalClickHouse(tmp_path / "data", log=log)
        other.process.command = (*other.process.command[:-1], str(server.port))
        other.process.start()
        assert other.process.child.wait(20) == 1
        assert log.read_text().splitlines()[-1].startswith(f"local ClickHouse: port {server.port}")
