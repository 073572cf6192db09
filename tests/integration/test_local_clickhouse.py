"""The local ClickHouse front, through clickhouse-connect and plain HTTP."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import clickhouse_connect
import httpx
import pytest
from clickhouse_connect.driver import AsyncClient, Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from support.processes import LocalClickHouse, local_clickhouse

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalClickHouse]:
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
    def test_version_and_time_zone(self, client: Client) -> None:
        assert (client.server_version or "").startswith("26.")
        assert client.query("SELECT timezone()").result_rows in ([("UTC",)], [("Etc/UTC",)])

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

    def test_settings_hold_for_their_query_only(self, client: Client) -> None:
        sql = "SELECT getSetting('max_threads')::UInt64"
        assert client.query(sql, settings={"max_threads": 3}).result_rows == [(3,)]
        assert client.query(sql).result_rows != [(3,)]

    def test_time_limit(self, client: Client) -> None:
        with pytest.raises(DatabaseError, match="TIMEOUT_EXCEEDED"):
            client.query("SELECT sum(sipHash64(number)) FROM numbers(100000000000)", settings={"max_execution_time": 1})

    async def test_async_client(self, async_client: AsyncClient, table: str) -> None:
        await async_client.insert(table, [[1, ODD], [2, "b"]], column_names=["a", "b"])
        result = await async_client.query(f"SELECT b FROM {table} WHERE a = {{a:UInt64}}", {"a": 1})
        assert result.result_rows == [(ODD,)]
        await async_client.raw_insert(table, insert_block=b'{"a":3,"b":"c"}\n', fmt="JSONEachRow")
        assert await async_client.command(f"SELECT count() FROM {table}") == 3
        assert await async_client.raw_query(f"SELECT a FROM {table} ORDER BY a", fmt="CSV") == b"1\n2\n3\n"
        queries = [async_client.query("SELECT {n:UInt8}", {"n": n}) for n in range(20)]
        assert [r.result_rows[0][0] for r in await asyncio.gather(*queries)] == list(range(20))


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
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "115")

    def test_an_error_in_the_middle_is_no_result(self, client: Client) -> None:
        with pytest.raises((DatabaseError, StreamFailureError)):
            client.query("SELECT throwIf(number = 290000) FROM numbers(300000)", settings={"max_block_size": 1000})

    def test_a_refused_insert_stores_nothing(self, server: LocalClickHouse, client: Client, table: str) -> None:
        answer = httpx.post(
            server.url, params={"query": f"INSERT INTO {table} (a) FORMAT JSONEachRow"}, content='{"a":1}\n{"a":"x"}'
        )
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "27")
        assert client.command(f"SELECT count() FROM {table}") == 0

    def test_what_is_not_supported_says_so(self, server: LocalClickHouse) -> None:
        assert httpx.get(server.url + "nowhere").status_code == 404
        assert httpx.post(server.url, content=b"x", headers={"Content-Encoding": "snappy"}).status_code == 415
        assert httpx.post(server.url, content=b"not gzip", headers={"Content-Encoding": "gzip"}).status_code == 400
        assert httpx.get(server.url + "ping").text == "Ok.\n"

    def test_get_does_not_write(self, server: LocalClickHouse, table: str) -> None:
        answer = httpx.get(server.url, params={"query": f"INSERT INTO {table} (a) VALUES (1)"})
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
        answer = httpx.get(server.url, params={"query": f"SELECT a, b FROM {table} ORDER BY a LIMIT 4", "default_format": "CSV"})
        assert answer.text == '1,"FORMAT CSV"\n2,"y"\n3,"z"\n4,"FORMAT"\n'
        assert client.command(f"SELECT count() FROM {table}") == 8

    def test_a_large_one(self, client: Client, table: str) -> None:
        client.insert(table, [[n, f"{n:01000}"] for n in range(60_000)], column_names=["a", "b"])
        assert client.query(f"SELECT count(), uniqExact(b) FROM {table}").result_rows == [(60_000, 60_000)]

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

    def test_a_taken_port_is_said_in_one_line(self, server: LocalClickHouse, tmp_path: Path) -> None:
        log = tmp_path / "log"
        other = LocalClickHouse(tmp_path / "data", log=log)
        other.process.command = (*other.process.command[:-1], str(server.port))
        other.process.start()
        assert other.process.child.wait(20) == 1
        assert log.read_text().splitlines()[-1].startswith(f"local ClickHouse: port {server.port}")
