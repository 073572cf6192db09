"""The relay: in order, once recorded, bounded, and closed on both sides."""

from __future__ import annotations

import asyncio

import pytest

from ocpplog_common.envelope import Connection, Opcode, Source
from ocpplog_common.records import ConnectionEvent
from ocpplog_gateway.queues import Owner, Queue, Record
from ocpplog_gateway.relay import Closing, Limits, Relay
from ocpplog_gateway.sides import Ending, Listener


class FakeSide:
    """A peer that a test speaks for."""

    listener: Listener

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.closed: tuple[int, str] | None = None
        self.congested = False
        self.held = False

    def attach(self, listener: Listener) -> None:
        self.listener = listener

    def send_message(self, data: bytes) -> None:
        if not self.closed:
            self.sent.append(data.decode())

    def hold(self) -> None:
        self.held = True

    def resume(self) -> None:
        self.held = False

    async def end(self, code: int, reason: str) -> None:
        if self.closed is None:
            self.closed = (code, reason)
            self.listener.ended(Ending(code, reason, ours=True))

    def says(self, *texts: str) -> None:
        for text in texts:
            self.listener.message(text.encode(), Opcode.TEXT)

    def leaves(self, code: int, reason: str = "") -> None:
        self.closed = (code, reason)
        self.listener.ended(Ending(code, reason))


class FakeRecorder:
    """Acknowledges at once, or when told to."""

    def __init__(self, automatic: bool = True) -> None:
        self.automatic = automatic
        self.records: list[Record] = []
        self.waiting: list[Record] = []

    def partition(self, key: bytes) -> Queue:
        return Queue("t", 0)

    def record(self, queue: Queue, owner: Owner, data: bytes, opcode: Opcode, sequence: int, received_at_us: int) -> None:
        record = Record(owner.connection.key, data, [], 0, owner, opcode, sequence, received_at_us)
        self.records.append(record)
        self.waiting.append(record)
        if self.automatic:
            self.acknowledge()

    def acknowledge(self, count: int = 1_000_000) -> None:
        for _ in range(min(count, len(self.waiting))):
            record = self.waiting.pop(0)
            assert record.owner
            record.owner.release(record)

    def refuse(self) -> None:
        record = self.waiting.pop(0)
        assert record.owner
        record.owner.refuse(record)

    def announce(self, event: ConnectionEvent) -> None: ...


class FakeClock:
    def now_us(self) -> int:
        return 0


class Scene:
    def __init__(self, automatic: bool = True, limits: Limits | None = None) -> None:
        self.charger, self.csms, self.recorder = FakeSide(), FakeSide(), FakeRecorder(automatic)
        connection = Connection("CP1", "s", "ocpp1.6", "c", "g")
        self.relay = Relay(self.charger, self.csms, self.recorder, connection, FakeClock(), limits or Limits(8))
        self.task = asyncio.create_task(self.relay.run())

    async def start(self) -> Scene:
        await self.settle()
        return self

    async def settle(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def end(self) -> Closing:
        return await asyncio.wait_for(self.task, 5)


async def test_both_directions_in_order() -> None:
    scene = await Scene().start()
    for n in range(5):
        scene.charger.says(f"a{n}")
        scene.csms.says(f"b{n}")
    scene.charger.leaves(1000, "bye")
    assert await scene.end() == Closing(Source.CHARGER, 1000, "bye")
    assert scene.csms.sent == [f"a{n}" for n in range(5)]
    assert scene.charger.sent == [f"b{n}" for n in range(5)]
    assert [record.sequence for record in scene.recorder.records] == list(range(1, 11))
    assert scene.csms.closed == (1000, "bye")
    assert scene.relay.frames == {Source.CHARGER: 5, Source.CSMS: 5}


async def test_nothing_passes_before_it_is_recorded() -> None:
    scene = await Scene(automatic=False).start()
    scene.charger.says("a0", "a1", "a2")
    assert scene.csms.sent == []
    scene.recorder.acknowledge(2)
    assert scene.csms.sent == ["a0", "a1"]
    scene.recorder.acknowledge()
    scene.charger.leaves(1000)
    await scene.end()
    assert scene.csms.sent == ["a0", "a1", "a2"]


async def test_what_was_received_before_the_end_is_passed_on() -> None:
    scene = await Scene(automatic=False).start()
    scene.charger.says("last words")
    scene.charger.leaves(1006, "reset by peer")
    await scene.settle()
    assert scene.csms.closed is None
    scene.recorder.acknowledge()
    assert await scene.end() == Closing(Source.CHARGER, 1006, "reset by peer")
    assert scene.csms.sent == ["last words"]
    assert scene.csms.closed == (1001, "charger connection lost")


async def test_what_comes_after_the_other_side_ended_is_recorded() -> None:
    scene = await Scene(automatic=False).start()
    scene.charger.says("held")
    scene.charger.leaves(1000)
    await scene.settle()
    scene.csms.says("too late")
    scene.recorder.acknowledge()
    await scene.end()
    assert [record.value for record in scene.recorder.records] == [b"held", b"too late"]
    assert scene.charger.sent == []


async def test_a_slow_kafka_slows_the_sender() -> None:
    scene = await Scene(automatic=False, limits=Limits(4)).start()
    scene.charger.says(*"abcd")
    assert not scene.charger.held
    scene.charger.says("e")
    assert scene.charger.held and not scene.csms.held
    scene.recorder.acknowledge(2)
    assert scene.charger.held
    scene.recorder.acknowledge(1)
    assert not scene.charger.held


async def test_a_slow_receiver_slows_the_sender() -> None:
    scene = await Scene(limits=Limits(2)).start()
    scene.csms.congested = True
    scene.charger.says("a", "b", "c")
    assert scene.csms.sent == [] and scene.charger.held
    scene.csms.congested = False
    scene.csms.listener.writable()
    assert scene.csms.sent == ["a", "b", "c"] and not scene.charger.held
    scene.charger.says("d")
    assert scene.csms.sent[-1] == "d"


async def test_order_holds_while_a_receiver_gets_congested_in_between() -> None:
    scene = await Scene().start()
    scene.csms.congested = True
    scene.charger.says("a", "b")
    scene.csms.congested = False
    # Room again, but what waited goes first.
    scene.charger.says("c")
    assert scene.csms.sent == []
    scene.csms.listener.writable()
    assert scene.csms.sent == ["a", "b", "c"]


async def test_long_messages_are_bounded_in_bytes() -> None:
    scene = await Scene(automatic=False, limits=Limits(64, bytes=1_000_000)).start()
    scene.charger.says("x" * 600_000)
    assert not scene.charger.held
    scene.charger.says("x" * 600_000)
    assert scene.charger.held
    scene.recorder.acknowledge()
    assert not scene.charger.held


async def test_what_is_refused_is_not_passed_on_and_ends_both() -> None:
    scene = await Scene(automatic=False).start()
    scene.charger.says("a0", "a1", "a2")
    scene.recorder.acknowledge(1)
    scene.recorder.refuse()
    closing = await scene.end()
    assert scene.csms.sent == ["a0"]
    assert scene.charger.closed == scene.csms.closed == (1013, "try again later")
    assert closing.code == 1013 and closing.ours and "not recorded" in closing.reason


async def test_nothing_after_what_is_refused_is_passed_on() -> None:
    scene = await Scene(automatic=False).start()
    scene.charger.says("a0", "a1")
    scene.charger.leaves(1000)
    await scene.settle()
    scene.recorder.refuse()
    scene.recorder.acknowledge()
    await scene.end()
    assert scene.csms.sent == []


@pytest.mark.parametrize(("data", "opcode"), [(b"\x00\xff", Opcode.BINARY), (b'[2,"\xff"]', Opcode.TEXT)])
async def test_violations_are_recorded_and_not_passed_on(data: bytes, opcode: Opcode) -> None:
    scene = await Scene().start()
    scene.charger.listener.violation(data, opcode)
    await scene.charger.end(1003, "OCPP-J is text")
    assert (await scene.end()).code == 1003
    assert [(record.value, record.opcode) for record in scene.recorder.records] == [(data, opcode)]
    assert scene.csms.sent == [] and scene.csms.closed == (1003, "OCPP-J is text")
    assert scene.relay.frames[Source.CHARGER] == 1


@pytest.mark.parametrize(("code", "told"), [(1000, 1000), (1001, 1001), (4001, 4001), (1006, 1012), (1005, 1000)])
async def test_the_charger_is_told_how_its_central_system_ended(code: int, told: int) -> None:
    scene = await Scene().start()
    scene.csms.leaves(code)
    await scene.end()
    assert (scene.charger.closed or (0,))[0] == told


async def test_the_loss_of_a_central_system_is_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that its chargers do not all come back at once; until then they are not read."""
    waits: list[tuple[float, float]] = []

    def uniform(least: float, most: float) -> float:
        waits.append((least, most))
        return 0.02

    monkeypatch.setattr("ocpplog_gateway.relay.random.uniform", uniform)
    scene = await Scene(limits=Limits(8, spread_s=7)).start()
    scene.csms.leaves(1006)
    await scene.settle()
    assert scene.charger.held and scene.charger.closed is None
    await scene.end()
    assert waits == [(0, 7)] and scene.charger.closed == (1012, "central system connection lost")


async def test_a_charger_that_was_held_is_not_read_either_while_the_loss_is_spread() -> None:
    scene = await Scene(automatic=False, limits=Limits(2, spread_s=1000)).start()
    scene.charger.says("a", "b", "c")
    scene.csms.leaves(1006)
    await scene.settle()
    scene.recorder.acknowledge()
    assert scene.charger.held
    scene.charger.leaves(1000)
    await scene.end()


async def test_a_charger_that_leaves_meanwhile_is_not_waited_for() -> None:
    scene = await Scene(limits=Limits(8, spread_s=1000)).start()
    scene.csms.leaves(1012)
    await scene.settle()
    scene.charger.leaves(1000)
    assert (await scene.end()).code == 1012


async def test_cancelling_ends_both_sides() -> None:
    scene = await Scene().start()
    scene.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await scene.end()
    assert (scene.charger.closed or (0,))[0] == (scene.csms.closed or (0,))[0] == 1011
