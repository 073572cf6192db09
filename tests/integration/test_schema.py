"""The migrations: on the engine, on tables with data in them, and in the form for a cluster."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver import Client

from ocpplog_common.clickhouse import forms, tables
from ocpplog_common.clickhouse import migrate as migrate_module
from ocpplog_common.clickhouse.migrate import Migration, available, migrate, preparation, script
from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS
from support.processes import local_clickhouse

pytestmark = pytest.mark.integration

PAGE = (Path(__file__).parents[2] / "docs/schema.md").read_text()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with (
        local_clickhouse(tmp_path_factory.mktemp("schema")) as server,
        clickhouse_connect.get_client(host="127.0.0.1", port=server.port) as found,
    ):
        yield found


def test_applied_once_and_again_after_being_cut_off(client: Client) -> None:
    names = [migration.name for migration in available()]
    assert migrate(client, "log") == names
    client.command("INSERT INTO log.ocpp_log (datetime, site_id) VALUES (now(), 's')")
    assert migrate(client, "log") == []
    # Applied, but cut off before it was noted.
    client.command("TRUNCATE TABLE log.schema_migration")
    assert migrate(client, "log") == names
    assert client.query("SELECT count() FROM log.ocpp_log").result_rows == [(1,)]


class Interrupted(Exception):
    """The runner was killed."""


class CutOff:
    """A client whose connection breaks after so many commands; the last one arrives, or does not."""

    def __init__(self, client: Client, commands: int, arrives: bool) -> None:
        self._client, self._left, self._arrives = client, commands, arrives

    def command(self, cmd: str, parameters: dict[str, Any] | None = None) -> Any:
        self._left -= 1
        if self._left < 0 and not self._arrives:
            raise Interrupted
        done = self._client.command(cmd, parameters)
        if self._left < 0:
            raise Interrupted
        return done

    def query(self, query: str, parameters: dict[str, Any] | None = None) -> Any:
        return self._client.query(query, parameters)


@pytest.mark.parametrize(
    ("version", "arrives"), [(2, False), *((version, bool(version % 2 == 0)) for version in range(2, len(available()) + 1))]
)
def test_forward_from_every_version_on_data_cut_off_anywhere(
    client: Client, monkeypatch: pytest.MonkeyPatch, version: int, arrives: bool
) -> None:
    database = f"from_{version}_{arrives}"
    monkeypatch.setattr(migrate_module, "available", lambda: available()[:version])
    migrate(client, database)
    filled = [
        table
        for table in (tables.LOG, tables.METER_SAMPLE, tables.CONNECTION_EVENT)
        if client.query(f"EXISTS TABLE {database}.{table}").result_rows == [(1,)]
    ]
    for table in filled:
        place = "kafka_offset" if table == tables.CONNECTION_EVENT else "sequence"
        client.command(
            f"INSERT INTO {database}.{table} (datetime, site_id, charger_id, kafka_partition, {place})"
            " SELECT now() - number, 's', toString(number), number % 12, number FROM numbers(1000)"
        )
    monkeypatch.undo()
    for commands in range(2 * len(available()) + 3):
        try:
            migrate(CutOff(client, commands, arrives), database)
        except Interrupted:
            continue
        break
    assert migrate(client, database) == []
    for table in filled:
        counted = client.query(f"SELECT count(), uniqExact(charger_id) FROM {database}.{table}").result_rows
        assert counted == [(1000, 1000)], table


def test_events_live_as_long_as_each_row_says(client: Client) -> None:
    migrate(client, "log")
    client.command(
        "INSERT INTO log.connection_event (datetime, site_id, retention_days)"
        " SELECT now() - INTERVAL 10 DAY, if(number < 3, 'short', 'long'), if(number < 3, 7, 400) FROM numbers(10)"
    )
    client.command("OPTIMIZE TABLE log.connection_event FINAL")
    assert client.query("SELECT site_id, count() FROM log.connection_event GROUP BY 1").result_rows == [("long", 7)]


def test_merges_take_no_part_that_is_much_larger_than_the_others(client: Client) -> None:
    """With ClickHouse's own base, 5, each merge of a young partition writes all of it again."""
    migrate(client, "log")
    tables_so = "SELECT name FROM system.tables WHERE database = 'log' AND create_table_query LIKE '%merge_selector_base = 30%'"
    found = {name for (name,) in client.query(tables_so).result_rows}
    assert found == {tables.LOG, tables.METER_SAMPLE, tables.CONNECTION_EVENT}


def test_the_form_for_a_cluster_can_be_parsed(client: Client) -> None:
    for migration in available():
        for statement in migration.statements("log", "main"):
            tree = str(client.command("EXPLAIN AST " + statement))
            assert re.search("ReplicatedMergeTree|Distributed|AlterQuery|Rename|Drop", tree) or re.search(
                "^(CREATE (OR REPLACE )?VIEW|INSERT INTO)", statement, re.MULTILINE
            ), statement
    for statement in preparation("log", "main"):
        assert "Create" in str(client.command("EXPLAIN AST " + statement))


def test_the_rows_tables_of_a_cluster_can_be_made(client: Client) -> None:
    """All of their statements but for what needs a cluster: ON CLUSTER and replication."""
    client.command("CREATE DATABASE shards")
    for migration in available():
        if not forms.tables_of(migration.template):
            continue
        statement = migration.statements("shards", "main")[0].replace("ON CLUSTER 'main'", "")
        engine = forms.placeholders("shards", "main")["merge_tree"]
        client.command(statement.replace(engine, "MergeTree").replace("replicated_dedup", "non_replicated_dedup"))
    found = {row[0] for row in client.query("SELECT name FROM system.tables WHERE database = 'shards'").result_rows}
    assert {"ocpp_log_shard", "meter_sample_shard", "connection_event_shard"} <= found


def test_what_would_be_run_is_printed_and_not_run(client: Client) -> None:
    printed = script(client, "printed")
    assert client.query("SELECT count() FROM system.databases WHERE name = 'printed'").result_rows == [(0,)]
    for statement in printed.split(";\n\n"):
        if statement.strip():
            client.command(statement)
    made = "SELECT name FROM system.tables WHERE database = {database:String} ORDER BY name"
    migrate(client, "log")
    by_script, by_migrate = (client.query(made, {"database": name}).result_rows for name in ("printed", "log"))
    assert by_script == by_migrate


def test_the_export_has_its_columns(client: Client) -> None:
    migrate(client, "log")
    columns = {row[0] for row in client.query("DESCRIBE TABLE log.ocpp_log").result_rows}
    assert set(EXPORT_COLUMNS.values()) <= columns


FORMS = {2: "_log_copy.sql", 20: "_by_week_copy.sql"}
"""After which migration the log had another form, and what copied its rows."""


@pytest.fixture(params=list(FORMS))
def form(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def earlier_form(client: Client, form: int) -> Iterator[str]:
    """A database as an earlier release left it, with rows."""
    database = f"old_{uuid.uuid4().hex[:8]}"
    client.command(f"CREATE DATABASE {database}")
    client.command(
        f"CREATE TABLE {database}.schema_migration (version UInt32, name String, checksum String,"
        " applied_at DateTime DEFAULT now()) ENGINE = MergeTree ORDER BY version"
    )
    for migration in available()[:form]:
        _apply(client, database, migration)
    _fill(client, database, 0, 500)
    yield database
    client.command(f"DROP DATABASE {database}")


def test_rows_of_an_earlier_form_are_kept(client: Client, earlier_form: str) -> None:
    columns = "message_id, request, response, violations, connector_id, power, stored_at, datetime"
    checksum = f"SELECT count(), sum(cityHash64({columns})) FROM {earlier_form}.ocpp_log"
    before = client.query(checksum).result_rows
    migrate(client, earlier_form)
    assert client.query(checksum).result_rows == before
    assert client.query(f"SELECT DISTINCT retention_days FROM {earlier_form}.ocpp_log").result_rows == [(400,)]
    names = [name for (name,) in client.query(f"SHOW TABLES FROM {earlier_form}").result_rows]
    assert not [name for name in names if name.startswith("ocpp_log_v")]


def test_a_copy_that_was_cut_off_in_the_middle_goes_on(client: Client, earlier_form: str, form: int) -> None:
    steps = available()
    copy = next(step for step in steps if step.name.endswith(FORMS[form]))
    for step in steps[form : copy.version - 1]:
        _apply(client, earlier_form, step)
    some = copy.statements(earlier_form)[0].replace("SETTINGS join", "AND sequence % 3 = 0 SETTINGS join")
    client.command(some)
    assert _numbers(client, earlier_form) == list(range(0, 500, 3))
    # The enricher goes on writing meanwhile.
    _fill(client, earlier_form, 500, 520)
    migrate(client, earlier_form)
    assert _numbers(client, earlier_form) == list(range(520))


def test_rows_go_when_their_own_time_is_over(client: Client) -> None:
    migrate(client, "log")
    for table in ("ocpp_log", "meter_sample"):
        client.command(f"TRUNCATE TABLE log.{table}")
        for days_old, retention in ((50, 30), (50, 400), (500, 400), (500, 65535)):
            client.command(
                f"INSERT INTO log.{table} (datetime, site_id, sequence, retention_days)"
                f" VALUES (now() - INTERVAL {days_old} DAY, 's', {retention}, {retention})"
            )
        client.command(f"OPTIMIZE TABLE log.{table} FINAL")
        kept = client.query(f"SELECT DISTINCT retention_days FROM log.{table} ORDER BY retention_days").result_rows
        assert kept == [(400,), (65535,)]
        assert client.query(f"SELECT count() FROM log.{table}").result_rows == [(2,)]


REQUESTS = [
    '{"a":[{"value":"231.5"},{"value": 7},{"value":"-12.25"},{"value":"17533"},{"value":"231 V"}]}',
    '{"transactionId":1000042,"meterStop" : 98765,"list":[1111,2222,3.3333],"x":{"y":-12345.6789}}',
    '{"iccid":"8931000000000000001","at":"2026-11-24T10:03:49Z","serial":"ACE0001234","e":1e1234,"n":+55555}',
    '{"info":"at 12:3456, then: 7890] and:1234}5678","é":"1234é","ü:4321":"0000"}',
    '{"many":12345678901234567890,"more":123456789012345678901,"frac":1.12345678901234567890,"long":1.123456789012345678901}',
]


@pytest.mark.parametrize("request_text", REQUESTS)
def test_what_has_four_letters_or_digits_is_in_one_of_two_indexes(client: Client, request_text: str) -> None:
    client.command("TRUNCATE TABLE log.ocpp_log")
    client.command(
        "INSERT INTO log.ocpp_log (datetime, site_id, request, response, transaction_id, violations, unescaped)"
        " VALUES (now(), 's', {request:String}, '{\"transactionId\":77777}', '77777', ['x: 88888, no: 999'], 'a: 66666, b')",
        {"request": request_text},
    )
    [(search, words, numbers)] = client.query("SELECT search, words, numbers FROM log.ocpp_log").result_rows
    assert request_text.lower() in search
    run = re.compile(r"(?:[0-9a-z]|[^\x00-\x7f]){4,}")
    assert set(run.findall(search)) == set(run.findall(words)) | set(run.findall(numbers))
    assert not set(run.findall(words)) & {"77777", "88888", "66666"}
    assert re.fullmatch(r"[0-9. ]*", numbers)


def test_readings_are_in_the_text_alone(client: Client) -> None:
    client.command("TRUNCATE TABLE log.ocpp_log")
    client.command(f"INSERT INTO log.ocpp_log (datetime, site_id, request) VALUES (now(), 's', '{REQUESTS[0]}')")
    [(search, words, numbers)] = client.query("SELECT search, words, numbers FROM log.ocpp_log").result_rows
    assert "231.5" in search
    assert not any(reading in words + numbers for reading in ("231.5", "12.25", ": 7"))
    assert numbers == "17533"


def test_whole_words_are_found_with_the_settings_that_the_page_names(client: Client) -> None:
    advice = PAGE[PAGE.index("## Fast queries") : PAGE.index("## Changing a table")]
    named = set(re.findall(r"`?(?:SETTINGS )?\b([a-z_]+) = (\d+)`", advice))
    assert named == {
        ("text_index_like_max_postings_to_read", "100000"),
        ("optimize_use_projections", "0"),
        ("query_plan_remove_unused_columns", "0"),
        ("max_threads", "1"),
    }
    settings = ", ".join(f"{name} = {value}" for name, value in sorted(named))
    client.command("TRUNCATE TABLE log.ocpp_log")
    client.command(
        "INSERT INTO log.ocpp_log (datetime, site_id, sequence, request) SELECT now() - number, 's', number,"
        " multiIf(number % 10 = 3, {both:String}, number % 10 = 4, {one:String}, '{}') FROM numbers(5000)",
        {"both": '{"status":"Faulted","errorCode":"GroundFailure"}', "one": '{"status":"Faulted"}'},
    )
    both = "FROM log.ocpp_log WHERE hasAllTokens(words, 'faulted groundfailure')"
    page = client.query(f"SELECT sequence {both} ORDER BY datetime DESC LIMIT 50 SETTINGS {settings}").result_rows
    assert [sequence for (sequence,) in page] == list(range(3, 503, 10))
    count = settings.replace("query_plan_remove_unused_columns = 0, ", "")
    assert client.query(f"SELECT count() {both} SETTINGS {count}").result_rows == [(500,)]
    assert client.query(
        f"SELECT count() {both.replace('faulted groundfailure', 'GroundFailure')} SETTINGS {count}"
    ).result_rows == [(0,)]


def test_a_partition_is_a_week_from_monday(client: Client) -> None:
    client.command("TRUNCATE TABLE log.ocpp_log")
    # A Sunday.
    moments = "toDateTime('2026-11-29', 'UTC') + number * 3600"
    client.command(f"INSERT INTO log.ocpp_log (datetime, site_id) SELECT {moments}, 's' FROM numbers(48)")
    parts = "SELECT partition, sum(rows) FROM system.parts WHERE database = 'log' AND table = 'ocpp_log' AND active"
    found = client.query(f"{parts} GROUP BY 1 ORDER BY 1").result_rows
    assert found == [("2026-11-23", 24), ("2026-11-30", 24)]


def _apply(client: Client, database: str, migration: Migration) -> None:
    [statement] = migration.statements(database)
    client.command(statement)
    note = "VALUES ({version:UInt32}, {name:String}, {checksum:String})"
    values = {"version": migration.version, "name": migration.name, "checksum": migration.checksum}
    client.command(f"INSERT INTO {database}.schema_migration (version, name, checksum) {note}", values)


def _fill(client: Client, database: str, first: int, end: int) -> None:
    """Rows whose `sequence` is their number."""
    client.command(
        f"INSERT INTO {database}.ocpp_log (datetime, site_id, charger_id, action, connection_id, sequence, message_id, request,"
        " response, violations, connector_id, power)"
        " SELECT now64(3) - number * 3600, concat('s', toString(number % 3)), 'c', if(number % 2 = 0, 'Reset', 'MeterValues'),"
        " toUUID('00000000-0000-7000-8000-000000000001'), number, toString(number), '{}', '{}', ['x'],"
        f" if(number % 5 = 0, NULL, 1), number / 7 FROM numbers({first}, {end - first})"
    )


def _numbers(client: Client, database: str) -> list[int]:
    return [number for (number,) in client.query(f"SELECT sequence FROM {database}.ocpp_log ORDER BY sequence").result_rows]
