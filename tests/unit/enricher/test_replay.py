"""The replay: what is decided of each frame, what is compared, and what is done about it."""

from __future__ import annotations

import argparse
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from ocpplog_common.envelope import Envelope
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.pairing import Outcome, Pairing
from ocpplog_enricher.domain.policy import Policy
from ocpplog_enricher.domain.rows import Enriched, LogRow, RowId, SampleRow
from ocpplog_enricher.errors import RowsRejected, StoreUnavailable
from ocpplog_enricher.replay import command, job, mend
from ocpplog_enricher.replay.decisions import Decider, Decision
from ocpplog_enricher.replay.mend import Mender, TableMender
from ocpplog_enricher.replay.plan import Found, plan
from ocpplog_enricher.replay.report import Counts, Progress
from ocpplog_enricher.replay.run import Replay
from ocpplog_enricher.replay.span import Horizon, Span, Stretch, moment_us
from ocpplog_enricher.replay.store import ReplayTable

from .test_pairing import CHARGER, CSMS, OLD, SECOND, Stream

ALL = Span(0, 10**15)
CALL, RESULT = b'[2,"%d","Heartbeat",{}]', b'[3,"%d",{}]'


def decider(span: Span = ALL, stream: Stream | None = None) -> tuple[Decider, Stream]:
    stream = stream or Stream()
    return Decider(stream.pairing, span), stream


def told(decisions: Sequence[Decision]) -> list[tuple[int, str]]:
    """(sequence, outcome), of what opens no row an empty one."""
    return [(decision.envelope.sequence, decision.exchange.outcome if decision.exchange else "") for decision in decisions]


class TestDecisions:
    def test_a_request_opens_a_row_and_its_answer_none(self) -> None:
        found, stream = decider()
        assert found.observe(stream.observe(CALL % 1)) == []
        assert told(found.observe(stream.observe(RESULT % 1, CSMS))) == [(1, Outcome.RESULT), (2, "")]

    def test_what_the_level_does_not_admit_opens_none(self) -> None:
        found, stream = decider(stream=Stream(lambda *_: False))
        found.observe(stream.observe(CALL % 1))
        assert told(found.observe(stream.observe(RESULT % 1, CSMS))) == [(1, ""), (2, "")]

    def test_only_frames_of_the_span_are_decided(self) -> None:
        found, stream = decider(Span(10 * SECOND, 20 * SECOND))
        for at, frame, source in [(9, CALL % 1, CHARGER), (10, CALL % 2, CHARGER), (11, RESULT % 1, CSMS)]:
            decisions = found.observe(stream.observe(frame, source, at))
        assert told(decisions) == [(3, "")], "the answer opens none, and its request is not of the span"
        assert told(found.observe(stream.observe(RESULT % 2, CSMS, 25))) == [(2, Outcome.RESULT)]
        assert found.observe(stream.observe(CALL % 3, at=20)) == []
        assert found.finish(9) == []

    def test_site_and_charger(self) -> None:
        stream = Stream()
        for span, covered in [
            (Span(0, 10**15, frozenset({"site"})), True),
            (Span(0, 10**15, frozenset({"other"})), False),
            (Span(0, 10**15, frozenset(), frozenset({"CP1"})), True),
            (Span(0, 10**15, frozenset({"site"}), frozenset({"CP2"})), False),
        ]:
            assert span.covers(stream.observe(CALL % 1).envelope) is covered

    def test_what_waits_at_the_end_has_no_answer(self) -> None:
        found, stream = decider()
        found.observe(stream.observe(CALL % 1))
        assert told(found.finish(0)) == [(1, Outcome.TIMEOUT)]

    def test_a_copy_decides_nothing_however_late_it_comes(self) -> None:
        found, stream = decider()
        first = stream.observe(CALL % 1, at=0)
        found.observe(first)
        found.observe(stream.observe(RESULT % 1, CSMS, 1))
        for at in (2, 500):
            found.observe(stream.observe(CALL % at, at=at, connection="1" * 32, charger="CP2"))
            offset = stream.offset + 1
            stream.offset = offset
            assert 1 not in [number for number, _ in told(found.observe(replace(first, offset=offset))) if number == 1]
        assert first.envelope not in [decision.envelope for decision in found.finish(99)]


class TestHorizon:
    def test_reading_goes_on_while_frames_of_the_span_come_late(self) -> None:
        horizon = Horizon(to_us=100 * SECOND, late_us=10 * SECOND)
        late = Stream().observe(CALL % 1, at=99).envelope
        assert not horizon.passed(110_000)
        assert horizon.passed(110_001)
        horizon.saw(late, 109_000)
        assert not horizon.passed(119_000)
        assert horizon.passed(119_001)
        horizon.saw(replace(late, received_at_us=100 * SECOND), 119_000)
        assert horizon.passed(119_001)


def test_times_need_a_zone() -> None:
    assert moment_us("1970-01-01T01:00:01+01:00") == moment_us("1970-01-01T00:00:01Z") == SECOND
    with pytest.raises(ValueError, match="without a zone"):
        moment_us("2026-11-24T10:00:00")


def test_the_plan_tells_names_apart() -> None:
    a, b, c, d, e, f = (("connection", number) for number in range(6))
    found = plan({a: ("1",), b: ("1",), c: ("1",), d: ("1",), e: ()}, {a: ("1",), b: ("2",), c: ("1", "1"), f: ("1",)})
    assert (found.same, found.missing, found.different, found.unwanted) == ([a, e], [d], [b, c], [f])
    assert plan({e: ()}, {e: ("1",)}).different == [e], "an exchange that has no samples any more"


@pytest.mark.parametrize(
    ("asked", "sites"), [(["--site", "a"], {"a", "gone"}), ([], set()), (["--site", "a", "--site", "gone"], {"a", "gone"})]
)
def test_sites_without_a_record_come_on_top_of_those_that_are_asked_for(
    asked: list[str], sites: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted: list[job.Options] = []

    async def noted(settings: object, options: job.Options, progress: object) -> Counts:
        wanted.append(options)
        return Counts()

    monkeypatch.setattr(job, "run", noted)
    parser = argparse.ArgumentParser()
    command.register(parser)
    times = ["--from", "2026-11-24T00:00:00Z", "--to", "2026-11-25T00:00:00Z"]
    command.run(parser.parse_args([*times, *asked, "--unknown-site", "gone"]))
    [options] = wanted
    assert (set(options.span.sites), set(options.unknown_sites)) == (sites, {"gone"})
    assert capsys.readouterr().out.startswith("read: 0 frames")


@dataclass
class FakeTable:
    """Stores rows by name; `answers` are the fates of the next inserts."""

    rows: dict[RowId, list[str]]
    tokens: set[str]
    fails_after_delete: bool = False
    rejects: int = -1

    async def look(self, rows: Sequence[LogRow | SampleRow], named: Sequence[Envelope]) -> Found:
        if any(row.sequence == self.rejects for row in rows):
            raise RowsRejected("a row")
        names = {(envelope.connection_id, envelope.sequence) for envelope in named}
        stored = {name: tuple(sorted(there)) for name, there in self.rows.items() if name in names and there}
        return Found(self._prints(rows), stored, {name: frozenset({"all"}) for name in stored})

    async def delete(self, named: Sequence[Envelope], partitions: frozenset[str]) -> None:
        assert partitions == {"all"}
        for envelope in named:
            self.rows.pop((envelope.connection_id, envelope.sequence), None)
        if self.fails_after_delete:
            raise StoreUnavailable("killed")

    async def insert(self, rows: Sequence[LogRow | SampleRow], token: str) -> None:
        if token in self.tokens:
            return
        self.tokens.add(token)
        for name, prints in self._prints(rows).items():
            self.rows.setdefault(name, []).extend(prints)

    def _prints(self, rows: Sequence[LogRow | SampleRow]) -> dict[RowId, tuple[str, ...]]:
        found: dict[RowId, list[str]] = {}
        for row in rows:
            text = row.status if isinstance(row, LogRow) else f"{row.sample}:{row.value}"
            found.setdefault(row.id, []).append(text)
        return {name: tuple(sorted(prints)) for name, prints in found.items()}


class Tables:
    """Both tables, and exchanges 1 to 4: the log wants the first three."""

    def __init__(self) -> None:
        self.log, self.samples = FakeTable({}, set()), FakeTable({}, set())
        stream = Stream()
        self.counts = Counts()
        self.decisions, self.enriched = [], {}
        for number in range(1, 5):
            seen = stream.observe(CALL % number)
            stream.pairing.observe(seen)
            [exchange] = stream.pairing.observe(stream.observe(RESULT % number, CSMS, sequence=100 + number))
            self.decisions.append(Decision(seen.envelope, exchange if number < 4 else None))
            stream.sequences.clear()
            stream.sequences[OLD] = number
            if number < 4:
                self.enriched[(OLD, number)] = enriched(number)

    async def mend(self, **options: bool) -> Counts:
        self.counts = Counts()
        mender = Mender(
            TableMender(self.samples, "meter_sample"),
            TableMender(self.log, "ocpp_log"),
            dry_run=options.get("dry_run", False),
            prune=options.get("prune", False),
        )
        await mender.mend(self.decisions, self.enriched, self.counts)
        return self.counts


def enriched(number: int) -> Enriched:
    common: dict[str, Any] = {"site_id": "site", "charger_id": "CP1", "datetime": "2026-11-24 00:00:00.000000"}
    place: dict[str, Any] = {"connection_id": OLD, "sequence": number, "kafka_partition": 0, "closed_offset": 0}
    log = LogRow(
        **common, **place, source="charger", subprotocol="", outcome="result", gateway_id="", kafka_offset=0, status="right"
    )
    place |= {"connector_id": None, "transaction_id": "", "retention_days": 400}
    sample = SampleRow(**common, **place, sampled_at=common["datetime"], action="MeterValues", measurand="V", sample=0, value=1.0)
    return Enriched(log, [sample] if number == 1 else [])


RIGHT = {(OLD, number): ["right"] for number in (1, 2, 3)}
RIGHT_SAMPLES = {(OLD, 1): ["0:1.0"]}


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Tables:
    monkeypatch.setattr(mend, "_LOOKS_S", (0.0, 0.0))
    return Tables()


class TestMending:
    async def test_everything_is_missing(self, tables: Tables) -> None:
        counts = await tables.mend()
        assert (counts.exchanges, counts.inserted) == (3, 3)
        assert (tables.log.rows, tables.samples.rows) == (RIGHT, RIGHT_SAMPLES)
        assert (await tables.mend()).same == 3
        assert len(tables.log.tokens) == 1, "nothing was written again"

    async def test_what_differs_is_replaced_and_what_is_there_twice_is_there_once(self, tables: Tables) -> None:
        await tables.mend()
        tables.log.rows[OLD, 1] = ["wrong"]
        tables.log.rows[OLD, 2] = ["right", "right"]
        tables.samples.rows[OLD, 3] = ["0:7.0"]
        counts = await tables.mend()
        assert (counts.same, counts.inserted, counts.replaced) == (0, 0, 3)
        assert (tables.log.rows, tables.samples.rows) == (RIGHT, RIGHT_SAMPLES)

    async def test_a_token_that_was_used_before_does_not_swallow_rows(self, tables: Tables) -> None:
        for _ in range(5):
            await tables.mend()
            assert tables.log.rows == RIGHT
            tables.log.rows.clear()

    async def test_cut_off_between_delete_and_insert(self, tables: Tables) -> None:
        tables.log.rows[OLD, 1] = ["wrong"]
        tables.log.fails_after_delete = True
        with pytest.raises(StoreUnavailable):
            await tables.mend()
        assert tables.log.rows == {}
        tables.log.fails_after_delete = False
        await tables.mend()
        assert tables.log.rows == RIGHT

    async def test_an_insert_that_arrives_after_its_sender_died_is_not_doubled(self, tables: Tables) -> None:
        """The run that was killed and the next one send the same rows with the same token."""
        tables.log.rows[OLD, 1] = ["wrong"]
        sent: list[str] = []
        insert = tables.log.insert

        async def dies(rows: Sequence[LogRow | SampleRow], token: str) -> None:
            sent.append(token)
            raise StoreUnavailable("killed")

        tables.log.insert = dies  # type: ignore[method-assign]
        with pytest.raises(StoreUnavailable):
            await tables.mend()
        tables.log.insert = insert  # type: ignore[method-assign]
        await tables.mend()
        assert sent[0] in tables.log.tokens

    async def test_what_is_no_longer_wanted_stays_unless_asked_for(self, tables: Tables) -> None:
        tables.log.rows[OLD, 4] = ["old"]
        tables.samples.rows[OLD, 4] = ["0:1.0"]
        assert (await tables.mend()).unwanted == 1
        assert (await tables.mend(prune=True, dry_run=True)).unwanted == 1
        assert tables.log.rows == RIGHT | {(OLD, 4): ["old"]}
        assert (await tables.mend(prune=True)).unwanted == 1
        assert (tables.log.rows, tables.samples.rows) == (RIGHT, RIGHT_SAMPLES)

    async def test_a_dry_run_counts_and_writes_nothing(self, tables: Tables) -> None:
        tables.log.rows[OLD, 1] = ["wrong"]
        counts = await tables.mend(dry_run=True)
        assert (counts.inserted, counts.replaced) == (2, 1)
        assert (tables.log.rows, tables.samples.rows) == ({(OLD, 1): ["wrong"]}, {})

    async def test_a_row_that_clickhouse_cannot_read_is_left_and_the_others_are_mended(self, tables: Tables) -> None:
        tables.log.rejects = 2
        tables.log.rows[OLD, 2] = ["old"]
        counts = await tables.mend()
        assert (counts.refused, counts.inserted) == (1, 2)
        assert tables.log.rows == RIGHT | {(OLD, 2): ["old"]}


@dataclass
class StoredFrame:
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class FakeSource:
    def __init__(self, stretch: Stretch, seen: Sequence[Observed]) -> None:
        self._stretch = stretch
        self._records = [
            StoredFrame(one.offset, one.envelope.received_at_us // 1000, b"CP1", one.envelope.frame, one.envelope.headers())
            for one in seen
        ]

    async def stretches(self, span: Span) -> list[Stretch]:
        return [self._stretch]

    async def records(self, stretch: Stretch) -> AsyncIterator[StoredFrame]:
        for record in self._records:
            yield record


class Noted:
    """Everything is a row to it; what it is not given is not touched."""

    def __init__(self) -> None:
        self.names: list[int] = []
        self.decided: list[int] = []

    async def mend(self, decisions: Sequence[Decision], enriched: Mapping[RowId, Enriched], counts: Counts) -> None:
        self.names += [sequence for _, sequence in enriched]
        self.decided += [decision.envelope.sequence for decision in decisions]


async def run(
    stretch: Stretch,
    seen: Sequence[Observed],
    span: Span,
    wanted: Callable[[str], bool] = lambda _: True,
    noted: Noted | None = None,
) -> tuple[list[int], Counts, str]:
    noted, said = noted or Noted(), io.StringIO()
    replay = Replay(
        source=FakeSource(stretch, seen),
        mender=noted,
        new_pairing=lambda: Pairing(lambda *_: True, 60 * SECOND),
        policy=lambda _: Policy(),
        wanted=wanted,
        late_us=0,
        progress=Progress(said),
    )
    return noted.names, await replay.run(span), said.getvalue()


class TestRun:
    async def test_frames_that_are_gone_are_said_and_what_depends_on_them_is_not_touched(self) -> None:
        stream = Stream()
        stream.offset = 6
        seen = [stream.observe(CALL % at, at=at) for at in (100, 219, 220, 300)]
        names, counts, said = await run(Stretch(3, 7, 7, 99), seen, Span(0, 400 * SECOND))
        assert names == [3, 4]
        assert "partition 3: frames before 1970-01-01T00:01:40Z are gone; begins at 1970-01-01T00:03:40Z" in said
        assert counts.frames == 4

    async def test_where_nothing_is_gone_all_counts(self) -> None:
        stream = Stream()
        seen = [stream.observe(CALL % at, at=at) for at in (100, 219)]
        names, _, said = await run(Stretch(3, 0, 0, 99), seen, Span(0, 400 * SECOND))
        assert (names, said) == ([1, 2], "")

    async def test_what_is_not_committed_is_left_and_counted(self) -> None:
        stream = Stream()
        seen = [stream.observe(CALL % at, at=at) for at in (1, 2, 3, 4)]
        names, counts, _ = await run(Stretch(0, 0, 0, 2), seen, Span(0, 4 * SECOND))
        assert (names, counts.left) == ([1, 2], 1)

    async def test_rows_of_sites_that_are_not_wanted_are_left_and_counted_by_the_site(self) -> None:
        stream = Stream()
        seen = [stream.observe(frame, source) for frame, source in ((CALL % 1, CHARGER), (RESULT % 1, CSMS), (CALL % 2, CHARGER))]
        gone = [replace(one, envelope=replace(one.envelope, site_id="gone")) for one in seen[:2]]
        noted = Noted()
        names, counts, _ = await run(Stretch(0, 0, 0, 99), [*gone, seen[2]], ALL, lambda site: site != "gone", noted)
        assert (names, noted.decided) == ([3], [3]), "none is missing, wrong or no longer wanted"
        said = counts.text(dry_run=False, prune=False)
        assert "of sites without a record: 1 not touched (gone 1); --unknown-site SITE takes those of one" in said
        names, counts, _ = await run(Stretch(0, 0, 0, 99), [*gone, seen[2]], ALL)
        assert names == [1, 3] and "without a record" not in counts.text(dry_run=False, prune=False)

    async def test_what_is_no_frame_is_counted(self) -> None:
        stream = Stream()
        broken = replace(stream.observe(CALL % 1), envelope=replace(stream.observe(CALL % 1).envelope, site_id=""))
        source = FakeSource(Stretch(0, 0, 0, 9), [broken])
        source._records[0].headers = []
        noted = Noted()
        replay = Replay(
            source=source,
            mender=noted,
            new_pairing=lambda: Pairing(lambda *_: True, 60 * SECOND),
            policy=lambda _: Policy(),
            wanted=lambda _: True,
            late_us=0,
            progress=Progress(io.StringIO()),
        )
        assert (await replay.run(ALL)).unreadable == 1


class Server:
    """Takes statements, and knows no rows."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def query(self, sql: str, parameters: dict[str, str]) -> SimpleNamespace:
        self.said.append(sql + " " + parameters["table"])
        return SimpleNamespace(result_rows=[(0,)])

    async def command(self, sql: str, **_: Any) -> None:
        self.said.append(sql)


@pytest.mark.parametrize(
    ("cluster", "rows", "mutations", "deletes"),
    [
        ("", "ocpp_log", "FROM system.mutations ", "DELETE FROM o.ocpp_log IN PARTITION"),
        (
            "main",
            "ocpp_log_shard",
            "FROM clusterAllReplicas('main', system.mutations) ",
            "DELETE FROM o.ocpp_log_shard ON CLUSTER 'main' IN PARTITION",
        ),
    ],
)
async def test_what_is_deleted_is_deleted_where_the_rows_are(cluster: str, rows: str, mutations: str, deletes: str) -> None:
    """A Distributed table takes no DELETE, and has no mutations."""
    server: Any = Server()
    table = ReplayTable(server, "o", "ocpp_log", LogRow, 1.0, cluster)
    assert await table.deletes_under_way() == 0
    await table.delete([Stream().observe(CALL % 1).envelope], ["20261130"])
    looked, deleted = server.said
    assert mutations in looked
    assert looked.endswith(f" {rows}")
    assert deleted.startswith(deletes)
