"""The oracle of the whole pipeline sees what is wrong: each damage to a round in which all was right."""

from __future__ import annotations

import csv
import io
import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import pyarrow
import pyarrow.parquet
import pytest
from openpyxl import Workbook

from faults.pipeline import downloads, fits, wire
from faults.pipeline.downloads import Entry
from faults.pipeline.fits import Stretch
from faults.pipeline.gateways import Look, Run
from faults.pipeline.journal import Line
from faults.pipeline.model import Model
from faults.pipeline.story import Silence
from faults.pipeline.topic import Recorded, Topic
from faults.pipeline.visits import Visit
from faults.pipeline.ways import Way, ways
from faults.pipeline.wire import WireVerdict
from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS
from ocpplog_common.envelope import Envelope, Opcode, Source
from ocpplog_common.records import ConnectionEvent, ConnectionEventKind, Gap, encode

START_US = 1_795_480_800_000_000
SECOND = 1_000_000
CONNECTION = "0" * 31 + "a"


def at(second: float) -> datetime:
    return datetime.fromtimestamp(START_US / 1e6, UTC) + timedelta(seconds=second)


@dataclass
class World:
    """A charger that asks five times, an answer each, one a second; `frames` are what the topic has."""

    visit: Visit = field(default_factory=lambda: Visit("S1-0", 0, "ocpp1.6", 0, START_US))
    lines: list[Line] = field(default_factory=list)
    frames: list[Recorded] = field(default_factory=list)
    gaps: list[Recorded] = field(default_factory=list)
    events: list[ConnectionEvent] = field(default_factory=list)
    run: Run = field(default_factory=lambda: Run("gw-0.0", 0, START_US - SECOND, "exit 0", START_US + 60 * SECOND))
    silences: list[Silence] = field(default_factory=list)
    strict: bool = False
    roomy: bool = True
    visits: list[Visit] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.visits.append(self.visit)
        for number in range(5):
            asked, answered = b'[2,"S1-0.0.%d","Heartbeat",{}]' % number, b'[3,"S1-0.0.%d",{}]' % number
            at_us = START_US + number * SECOND
            self.visit.sent.append(asked)
            self.visit.sent_at.append(at_us)
            self.visit.received.append((at_us, answered))
            self.lines += [Line("S1-0", 0, False, at_us, asked), Line("S1-0", 0, True, at_us, answered)]
            for source, frame in ((Source.CHARGER, asked), (Source.CSMS, answered)):
                self.frames.append(self.record(source, frame))
        counts = {"frames_from_charger": 5, "frames_from_csms": 5}
        begun = ConnectionEvent(ConnectionEventKind.CONNECT, "S1-0", at(0), "gw-0.0", "depot", CONNECTION)
        ended = ConnectionEvent(ConnectionEventKind.DISCONNECT, "S1-0", at(9), "gw-0.0", "depot", CONNECTION)
        self.events += [begun, msgspec.structs.replace(ended, **counts)]

    def record(self, source: Source, frame: bytes, sequence: int = 0, opcode: Opcode = Opcode.TEXT) -> Recorded:
        number = len(self.frames)
        at_us = START_US + number // 2 * SECOND
        who = ("S1-0", "depot", source, "ocpp1.6", CONNECTION, sequence or number + 1, at_us, "gw-0.0")
        return Recorded(0, number, at_us, Envelope(*who, frame, opcode))

    def gap(
        self, sequence: int, source: Source, count: int, size: int, connections: int = 1, first: float = 1, last: float = 2
    ) -> None:
        told = Gap("S1-0", "depot", source, at(first), at(last), count, size, connections, "Kafka")
        self.gaps.append(self.record(source, encode(told), sequence, Opcode.GAP))

    def lose(self, *numbers: int) -> int:
        """These numbers are not on the topic; returns how long they were together."""
        lost = [record for record in self.frames if record.envelope.sequence in numbers]
        self.frames = [record for record in self.frames if record not in lost]
        return sum(len(record.envelope.frame) for record in lost)

    def killed(self, second: float, *looks: tuple[float, bool]) -> None:
        """The gateway at this second, after having said so of Kafka."""
        self.events.clear()
        self.run.ended, self.run.ended_us = "killed", START_US + int(second * SECOND)
        self.run.looks = [Look(START_US + int(when * SECOND), up) for when, up in looks]

    def verdict(self) -> WireVerdict:
        topic = Topic([*self.frames, *self.gaps], self.frames, self.gaps, [], self.events, [])
        sides, problems = ways(self.visits, self.lines, {"gw-0.0": self.run}, topic)
        found = wire.compare(sides, topic, {"gw-0.0": self.run}, self.silences, self.strict, roomy=self.roomy)
        found.problems += problems
        return found

    def right(self) -> bool:
        found = self.verdict()
        return not (found.problems or found.lost)


@pytest.fixture
def world() -> World:
    return World()


def test_all_is_right(world: World) -> None:
    assert world.right()


@pytest.mark.parametrize("numbers", [(1,), (6,), (10,), (3, 5, 7)])
def test_a_frame_that_is_missing_is_lost(world: World, numbers: tuple[int, ...]) -> None:
    world.lose(*numbers)
    assert len(world.verdict().lost) == len(numbers)


def test_a_gap_that_tells_it_exactly_makes_it_right(world: World) -> None:
    world.gap(3, Source.CHARGER, 2, world.lose(3, 5))
    assert world.right()


@pytest.mark.parametrize("wrong", ["count", "less", "bytes", "connections", "name", "side", "begin", "end"])
def test_a_gap_that_tells_it_wrong(world: World, wrong: str) -> None:
    size = world.lose(3, 5)
    count, sequence, source, connections = 2, 3, Source.CHARGER, 1
    first, last = 1.0, 2.0
    match wrong:
        case "count":
            count = 3
        case "less":
            count = 1
        case "bytes":
            size += 1
        case "connections":
            connections = 2
        case "name":
            sequence = 4
        case "begin":
            first = 0.9
        case "end":
            last = 2.1
        case _:
            source = Source.CSMS
    world.gap(sequence, source, count, size, connections, first, last)
    assert not world.right()


def test_what_may_not_have_arrived_can_be_left_out_of_a_gap(world: World) -> None:
    """Nobody says how much the gateway got: the last two frames of the charger may have been lost before it."""
    world.killed(60, (9.0, True))
    size = world.lose(5, 7, 9)
    world.lines = [line for line in world.lines if line.sent or line.at_us < START_US + 3 * SECOND]
    world.gap(5, Source.CHARGER, 1, size // 3, first=2, last=2)
    assert world.right()
    world.gaps.clear()
    world.gap(5, Source.CHARGER, 2, size // 3 * 2, first=2, last=3)
    assert world.right()
    world.gaps.clear()
    world.gap(5, Source.CHARGER, 2, size // 3 * 2 + 1, first=2, last=3)
    assert not world.right()


def test_a_gap_over_two_connections(world: World) -> None:
    """The end of the first, and the beginning of the second."""
    other = "0" * 31 + "b"
    size = world.lose(9)
    second = Visit("S1-0", 1, "ocpp1.6", 0, START_US + 10 * SECOND)
    for number in range(2):
        frame = b'[2,"S1-0.1.%d","Heartbeat",{}]' % number
        at_us = START_US + (10 + number) * SECOND
        second.sent.append(frame)
        second.sent_at.append(at_us)
        world.lines.append(Line("S1-0", 1, False, at_us, frame))
    recorded = world.record(Source.CHARGER, second.sent[1], 2)
    world.frames.append(replace(recorded, envelope=msgspec.structs.replace(recorded.envelope, connection_id=other)))
    begun = msgspec.structs.replace(world.events[0], connection_id=other)
    ended = msgspec.structs.replace(world.events[1], connection_id=other, frames_from_charger=2, frames_from_csms=0)
    world.events += [begun, ended]
    world.visits.append(second)
    size += len(second.sent[0])
    world.gap(9, Source.CHARGER, 2, size, connections=2, first=4, last=10)
    assert world.right()
    world.gaps.clear()
    world.gap(9, Source.CHARGER, 2, size, connections=1, first=4, last=10)
    assert not world.right()


def test_an_answer_before_its_request(world: World) -> None:
    """Each side by itself is in order."""
    world.frames[2], world.frames[3] = (
        replace(world.frames[3], offset=world.frames[2].offset),
        replace(world.frames[2], offset=world.frames[3].offset),
    )
    assert any("over both sides" in problem for problem in world.verdict().problems)


@pytest.mark.parametrize("kind", [ConnectionEventKind.CONNECT, ConnectionEventKind.DISCONNECT])
def test_an_event_that_is_missing(world: World, kind: ConnectionEventKind) -> None:
    world.events = [event for event in world.events if event.kind is not kind]
    assert any("no event" in problem for problem in world.verdict().problems)
    world.run.events_lost = 1
    assert not world.right()
    world.roomy = False
    assert world.right()


def test_text_recorded_as_binary(world: World) -> None:
    world.frames[0] = replace(world.frames[0], envelope=msgspec.structs.replace(world.frames[0].envelope, opcode=Opcode.BINARY))
    assert not world.right()


def test_nothing_may_be_missing_once_all_is_well(world: World) -> None:
    world.visit.last = True
    assert world.right()
    world.gap(3, Source.CHARGER, 2, world.lose(3, 5))
    assert any("when all was well" in problem for problem in world.verdict().problems)


def test_a_gap_where_nothing_is_missing(world: World) -> None:
    world.gap(3, Source.CHARGER, 1, 20)
    assert not world.right()


def test_frames_out_of_order(world: World) -> None:
    world.frames[2], world.frames[4] = world.frames[4], world.frames[2]
    assert any("out of order" in problem for problem in world.verdict().problems)


def test_a_byte_that_is_not_as_it_was_sent(world: World) -> None:
    first = world.frames[0]
    changed = msgspec.structs.replace(first.envelope, frame=first.envelope.frame.replace(b"Heart", b"heart"))
    world.frames[0] = replace(first, envelope=changed)
    assert any("never sent so" in problem for problem in world.verdict().problems)


def test_what_the_other_end_did_not_get(world: World) -> None:
    del world.lines[2]
    assert any("did not get what was sent" in problem for problem in world.verdict().problems)


def test_a_number_that_was_left_out(world: World) -> None:
    world.frames[-1] = replace(world.frames[-1], envelope=msgspec.structs.replace(world.frames[-1].envelope, sequence=11))
    assert not world.right()


class TestKilled:
    """Kafka was silent from 0.5 s on: what was passed on from 2 s on may have waited for it."""

    @pytest.fixture
    def world(self) -> World:
        found = World()
        found.killed(5, (1.0, True), (2.0, False), (4.9, False))
        found.silences.append(Silence(0, START_US + SECOND // 2))
        return found

    def test_it_takes_what_waited(self, world: World) -> None:
        world.lose(7, 8, 9, 10)
        found = world.verdict()
        assert (found.excused, found.lost, found.problems) == (4, [], [])

    def test_not_what_is_older(self, world: World) -> None:
        world.lose(*range(1, 11))
        assert len(world.verdict().lost) == 4

    def test_nothing_where_kafka_was_not_silent(self, world: World) -> None:
        world.silences.clear()
        world.run.looks = [Look(START_US + int(4.9 * SECOND), True)]
        world.lose(9, 10)
        assert len(world.verdict().lost) == 2

    def test_nothing_after_it_said_that_kafka_answers(self, world: World) -> None:
        world.run.looks.append(Look(START_US + int(4.95 * SECOND), True))
        world.lose(7, 8)
        world.frames.clear()
        assert world.verdict().excused == 2  # those of the last 1.4 s

    def test_nothing_long_after_a_silence(self, world: World) -> None:
        world.silences[0].end_us = START_US + SECOND
        world.run.looks = [Look(START_US + SECOND, False), Look(START_US + int(1.2 * SECOND), True)]
        world.lose(9, 10)
        assert len(world.verdict().lost) == 2

    def test_what_the_other_end_read_long_afterwards(self, world: World) -> None:
        """The link was stuck: it was passed on before the kill all the same."""
        world.silences[0].end_us = START_US + int(5.1 * SECOND)
        world.visit.received[3:] = [(at_us + 4 * SECOND, frame) for at_us, frame in world.visit.received[3:]]
        world.lose(7, 8, 9, 10)
        assert (world.verdict().excused, world.right()) == (4, True)

    def test_with_a_full_buffer_before_the_hold_time(self, world: World) -> None:
        world.silences[0].begin_us = START_US + int(3.8 * SECOND)
        world.run.looks = [Look(START_US + int(3.7 * SECOND), True)]
        world.lose(9, 10)
        assert len(world.verdict().lost) == 2
        world.roomy = False
        assert world.right()

    def test_nothing_in_mode_strict(self, world: World) -> None:
        world.strict = True
        world.lose(9, 10)
        found = world.verdict()
        assert len(found.lost) == 2 and any("not recorded" in problem for problem in found.problems)

    def test_what_stands_before_recorded_frames_is_declared(self, world: World) -> None:
        world.lose(5)
        assert not world.right()


def test_sigterm_says_how_much_is_lost(world: World) -> None:
    """While Kafka is silent; else nothing may be lost."""
    world.run.ended, world.run.left = "exit 1", 3
    world.silences.append(Silence(0, START_US + 55 * SECOND))
    world.lose(7, 8, 9, 10)
    found = world.verdict()
    assert (found.excused, len(found.lost)) == (3, 1)
    world.events.pop(0)
    assert len(world.verdict().lost) == 2  # an event is one of the three
    world.roomy = False
    assert len(world.verdict().lost) == 1  # or was dropped before, when the buffer was full
    world.silences.clear()
    assert len(world.verdict().lost) == 4


def test_a_gap_that_fits_nowhere_is_known_soon() -> None:
    """Of many connections of which nobody knows how much arrived."""
    stretches = []
    for number in range(40):
        visit = Visit("S1-0", number, "ocpp1.6", 0, sent=[b"x" * 10] * 6)
        way = Way(visit, Source.CHARGER, visit.sent, [START_US] * 6, [(START_US, b"x" * 10)] * 4)
        stretches.append(Stretch.of(way))
    told = Gap("S1-0", "depot", Source.CHARGER, at(0), at(1), 200, 2001, 40, "Kafka")
    record = World().record(Source.CHARGER, encode(told), 1, Opcode.GAP)
    assert fits.fit(stretches, (0, 0), record, 0) is None


def test_of_several_frames_that_a_gap_could_tell_those_of_its_times(world: World) -> None:
    size = world.lose(3, 5)
    world.gap(5, Source.CHARGER, 1, size // 2, first=2, last=2)
    found = world.verdict()
    assert found.problems == []
    assert [text.split(" (")[0] for text in found.lost] == ["S1-0.0 charger frame 1 of 5"]
    world.gaps.clear()
    world.gap(3, Source.CHARGER, 2, size, first=1, last=2)
    assert world.right()


class TestModel:
    def rows(self, *frames: tuple[Source, str], level: str = "debug") -> list[tuple[str, set[str], str, bool]]:
        model = Model({"depot": level}, 60 * SECOND)
        world = World()
        world.frames.clear()
        for source, frame in frames:
            world.frames.append(world.record(source, frame.encode()))
        model.partition(world.frames)
        return [(row.action, row.outcomes, row.response, row.optional) for row in model.rows.values()]

    def test_an_exchange(self) -> None:
        asked, answered = (Source.CHARGER, '[2,"1","Heartbeat",{}]'), (Source.CSMS, '[3,"1",{"a":1}]')
        assert self.rows(asked, answered) == [("Heartbeat", {"result"}, '{"a":1}', False)]
        assert self.rows(asked, answered, level="info") == []

    def test_what_is_odd(self) -> None:
        asked = Source.CHARGER, '[2,"1","Authorize",{}]'
        assert [row[1] for row in self.rows(asked, asked, (Source.CSMS, '[3,"1",{}]'))] == [{"superseded"}, {"result"}]
        assert self.rows((Source.CSMS, '[3,"1",{}]')) == [("", {"unmatched"}, "{}", False)]
        assert self.rows((Source.CHARGER, '[2,"1","Auth')) == [("", {"violation"}, "", False)]
        assert self.rows(asked) == [("Authorize", {"timeout", "lost"}, "", True)]


def _entry(**values: Any) -> tuple[Any, ...]:
    """The cells of a row, of which the rest is empty."""
    known: dict[str, Any] = {"charger_id": "S1-0"} | values
    empty = ("connector_id", "request_timestamp", "meter_stop", "voltage", "current_import", "power")
    return tuple(known.get(name, None if name.startswith(empty) else "") for name in EXPORT_COLUMNS.values())


ENTRIES: Final = [
    Entry("depot", _entry(datetime=1_795_480_803.25, action="StatusNotification", connector_id=0, info="=1+1", status="Faulted")),
    Entry("depot", _entry(datetime=1_795_480_802.5, action="MeterValues", connector_id=1, current_import_l1=-0.5, power=7.0)),
    Entry("yard", _entry(datetime=1_795_480_801.0, action="StopTransaction", request_timestamp=START_US / 1e6, meter_stop=0.0)),
]


def _table(form: str) -> list[list[Any]]:
    """What a file of this form holds, its headers first."""
    names = list(EXPORT_COLUMNS.values())
    rows = [[_written(form, name, value) for name, value in zip(names, one.cells, strict=True)] for one in ENTRIES]
    return [names if form == "parquet" else list(EXPORT_COLUMNS), *rows]


def _written(form: str, name: str, value: Any) -> Any:
    if value is None or value == "":
        return "" if form == "csv" else None
    if name in ("datetime", "request_timestamp"):
        moment = datetime.fromtimestamp(value, UTC)
        texts = {"csv": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "xlsx": moment.replace(tzinfo=None, microsecond=0)}
        return texts.get(form, moment)
    return f"'{value}" if form == "csv" and str(value).startswith("=") else value


def _file(form: str, table: list[list[Any]]) -> bytes:
    header, *rows = table
    match form:
        case "csv":
            text = io.StringIO(newline="")
            csv.writer(text).writerows(table)
            return text.getvalue().encode()
        case "xlsx":
            book, file = Workbook(), io.BytesIO()
            for row in table:
                book.worksheets[0].append(row)
            for cell in itertools.chain(*book.worksheets[0].iter_rows()):
                cell.data_type = "s" if cell.data_type == "f" else cell.data_type
            book.save(file)
            return file.getvalue()
        case _:
            columns = {name: [row[place] for row in rows] for place, name in enumerate(header)}
            sink = io.BytesIO()
            pyarrow.parquet.write_table(pyarrow.table(columns), sink)
            return sink.getvalue()


class TestDownloads:
    """Files as the API writes them, of `ENTRIES`."""

    @pytest.fixture(params=downloads.FORMS)
    def form(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    def test_all_is_right(self, form: str) -> None:
        assert downloads.differences(form, _file(form, _table(form)), ENTRIES) == []
        assert downloads.differences(form, _file(form, _table(form)[:1]), []) == []

    @pytest.mark.parametrize("wrong", ["missing", "twice", "order", "foreign"])
    def test_a_wrong_row(self, form: str, wrong: str) -> None:
        header, first, second, third = _table(form)
        rows = {
            "missing": [header, first, third],
            "twice": [header, first, first, second, third],
            "order": [header, second, first, third],
            "foreign": [header, first, second, third, third],
        }[wrong]
        assert downloads.differences(form, _file(form, rows), ENTRIES)

    @pytest.mark.parametrize(
        ("row", "column", "value"),
        [
            (1, "datetime", ENTRIES[1].cells[0]),
            (1, "info", "=1+2"),
            (1, "status", None),
            (1, "connector_id", None),
            (2, "current_import_l1", 0.5),
            (2, "current_import_l2", -0.5),
            (2, "power", 7.000001),
            (3, "meter_stop", None),
            (3, "request_timestamp", None),
            (3, "charger_id", "S1-00"),
        ],
    )
    def test_a_wrong_cell(self, form: str, row: int, column: str, value: Any) -> None:
        names = list(EXPORT_COLUMNS.values())
        table = _table(form)
        table[row][names.index(column)] = _written(form, column, value)
        [told] = downloads.differences(form, _file(form, table), ENTRIES)
        assert told.startswith(f"row {row}, {column}: ")

    def test_columns_that_are_others_or_elsewhere(self, form: str) -> None:
        swapped = [[row[1], row[0], *row[2:]] for row in _table(form)]
        assert downloads.differences(form, _file(form, swapped), ENTRIES)
        assert downloads.differences(form, _file(form, [row[:-1] for row in _table(form)]), ENTRIES)

    def test_a_formula_that_runs(self) -> None:
        table = _table("csv")
        table[1][list(EXPORT_COLUMNS).index("Request Info")] = "=1+1"
        assert len(downloads.differences("csv", _file("csv", table), ENTRIES)) == 1
