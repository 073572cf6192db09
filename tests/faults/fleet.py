"""Chargers that put frames on Kafka as gateways would, and know which rows must come of them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from ocpplog_common import topics
from ocpplog_common.envelope import Envelope, Opcode, Source, new_connection_id
from ocpplog_common.records import Connectivity, Gap, LevelName, Site, encode

SITES = [Site(site_id="loud", level=LevelName.DEBUG), Site(site_id="quiet", connectivity=Connectivity.WIRELESS)]
RowName = tuple[str, int]
_METER = '{{"connectorId":1,"transactionId":{number},"meterValue":[{entries}]}}'
_ENTRY = '{{"timestamp":"2026-11-24T10:00:{second:02}Z","sampledValue":[{samples}]}}'
_SAMPLE = '{{"value":"{value}","measurand":"{measurand}","unit":"V"}}'


@dataclass(frozen=True, slots=True)
class Row:
    """What the log has to have of one exchange. `samples`: (measurand, value), in the order of the message."""

    charger_id: str
    outcome: str
    action: str
    request: str
    response: str
    samples: tuple[tuple[str, float], ...] = ()


@dataclass(slots=True)
class Expected:
    """`rows` by their names; `poison`: values that have to be on the dead letters, each as often as it was sent."""

    rows: dict[RowName, Row] = field(default_factory=dict)
    poison: list[bytes] = field(default_factory=list)
    frames: int = 0


class Charger:
    """One charger, over all its connections. Everything it does is a function of `chance`."""

    ahead_us = 0
    """By how much its gateway's clock is ahead."""

    def __init__(self, producer: AIOKafkaProducer, expected: Expected, name: str, site: str, chance: random.Random) -> None:
        self._producer, self._expected, self._chance = producer, expected, chance
        self.name, self.site = name, site
        self._number = 0
        self._last: list[Envelope] = []
        self._open: list[tuple[RowName, str]] = []
        self._connect()

    def _connect(self) -> None:
        # A millisecond later at least, so that the id is greater.
        time.sleep(0.002)
        self._connection, self._sequence = new_connection_id(time.time_ns() // 1000), 0

    async def step(self) -> None:
        """Do one of the things that chargers do, some more often than others."""
        kinds: list[tuple[Callable[[], object], int]] = [
            (self.heartbeat, 8),
            (self.meter_values, 6),
            (self.boot, 2),
            (self.refused, 2),
            (self.malformed, 1),
            (self.nobody_asked, 1),
            (self.unanswered, 1),
            (self.asked_twice, 1),
            (self.gap, 1),
            (self.comes_back, 1),
            (self.crossing, 2),
            (self.copies, 2),
        ]
        [kind] = self._chance.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])
        await kind()  # type: ignore[misc]

    async def heartbeat(self) -> None:
        await self._exchange("Heartbeat", f'{{"n":{self._next()}}}', '{"currentTime":"2026-11-24T10:00:00Z"}')

    async def boot(self) -> None:
        await self._exchange("BootNotification", f'{{"chargePointVendor":"V{self._next()}"}}', '{"status":"Accepted"}')

    async def meter_values(self) -> None:
        found = [(f"Voltage{n}", float(self._chance.randint(0, 10**6))) for n in range(self._chance.randint(1, 6))]
        samples = ",".join(_SAMPLE.format(value=value, measurand=measurand) for measurand, value in found)
        entry = _ENTRY.format(second=self._chance.randint(0, 59), samples=samples)
        request = _METER.format(number=self._next(), entries=entry)
        await self._exchange("MeterValues", request, "{}", tuple(found))

    async def large(self, size: int) -> None:
        await self._exchange("DataTransfer", f'{{"vendorId":"v","n":{self._next()},"data":"{"x" * size}"}}', "{}")

    async def refused(self) -> None:
        request, number = f'{{"type":"Soft","n":{self._next()}}}', self._number
        name = await self._put(Source.CSMS, f'[2,"r{number}","Reset",{request}]')
        await self._put(Source.CHARGER, f'[4,"r{number}","NotSupported","no",{{}}]')
        answer = '{"errorCode":"NotSupported","errorDescription":"no","errorDetails":{}}'
        self._expect(name, "error", "Reset", request, answer)

    async def malformed(self) -> None:
        frame = f'[2,"m{self._next()}","Heart'
        self._expect(await self._put(Source.CHARGER, frame), "violation", "", frame, "")

    async def nobody_asked(self) -> None:
        name = await self._put(Source.CSMS, f'[3,"nobody{self._next()}",{{"a":1}}]')
        self._expect(name, "unmatched", "", "", '{"a":1}')

    async def unanswered(self) -> None:
        request, number = f'{{"n":{self._next()}}}', self._number
        name = await self._put(Source.CHARGER, f'[2,"u{number}","Authorize",{request}]')
        self._expect(name, "timeout", "Authorize", request, "")
        self._open.append((name, "lost"))

    async def asked_twice(self) -> None:
        request, number = f'{{"n":{self._next()}}}', self._number
        first = await self._put(Source.CSMS, f'[2,"t{number}","GetLocalListVersion",{request}]')
        second = await self._put(Source.CSMS, f'[2,"t{number}","GetLocalListVersion",{request}]')
        await self._put(Source.CHARGER, f'[3,"t{number}",{{}}]')
        self._expect(first, "superseded", "GetLocalListVersion", request, "")
        self._expect(second, "result", "GetLocalListVersion", request, "{}")

    async def gap(self) -> None:
        first, count, at = self._sequence + 1, self._chance.randint(1, 50), datetime.now(UTC)
        self._sequence += count
        value = encode(Gap(self.name, self.site, Source.CHARGER, at, at, count, 100 * count, 1, "Kafka did not answer"))
        await self._send(self._envelope(Source.CHARGER, value, first, Opcode.GAP))
        self._expect((self._connection, first), "gap", "", value.decode(), "")

    async def comes_back(self) -> None:
        """On another connection: what is open on the old one is lost, unless it timed out before."""
        self._connect()
        await self.boot()
        for name, _ in self._open:
            if (row := self._expected.rows.get(name)) is not None:
                self._expected.rows[name] = Row(row.charger_id, "timeout|lost", row.action, row.request, row.response)
        self._open.clear()

    async def crossing(self) -> None:
        """Both sides ask at once with one message id, and both answer."""
        number = self._next()
        mine = await self._put(Source.CHARGER, f'[2,"x{number}","Heartbeat",{{}}]')
        theirs = await self._put(Source.CSMS, f'[2,"x{number}","ClearCache",{{}}]')
        await self._put(Source.CHARGER, f'[3,"x{number}",{{"status":"Accepted"}}]')
        await self._put(Source.CSMS, f'[3,"x{number}",{{"currentTime":"x"}}]')
        self._expect(mine, "result", "Heartbeat", "{}", '{"currentTime":"x"}')
        self._expect(theirs, "result", "ClearCache", "{}", '{"status":"Accepted"}')

    async def copies(self) -> None:
        """The last frames once more, as a gateway sends a batch whose acknowledgement was lost."""
        for envelope in self._last[-self._chance.randint(1, 8) :]:
            await self._send(envelope, copy=True)

    async def _exchange(self, action: str, request: str, response: str, samples: tuple[tuple[str, float], ...] = ()) -> None:
        number = self._number
        name = await self._put(Source.CHARGER, f'[2,"{number}","{action}",{request}]')
        await self._put(Source.CSMS, f'[3,"{number}",{response}]')
        self._expect(name, "result", action, request, response, samples)

    def _expect(
        self,
        name: RowName,
        outcome: str,
        action: str,
        request: str,
        response: str,
        samples: tuple[tuple[str, float], ...] = (),
    ) -> None:
        if self.site == "loud" or outcome == "gap" or action == "BootNotification":
            self._expected.rows[name] = Row(self.name, outcome, action, request, response, samples)

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def _put(self, source: Source, frame: str) -> RowName:
        self._sequence += 1
        await self._send(self._envelope(source, frame.encode(), self._sequence, Opcode.TEXT))
        return self._connection, self._sequence

    def _envelope(self, source: Source, frame: bytes, sequence: int, opcode: Opcode) -> Envelope:
        now_us = time.time_ns() // 1000 + self.ahead_us
        return Envelope(
            *(self.name, self.site, source, "ocpp1.6", self._connection, sequence, now_us, "gw"), frame=frame, opcode=opcode
        )

    async def _send(self, envelope: Envelope, copy: bool = False) -> None:
        if not copy:
            # Copies of an older connection come before a newer one, since a charger's records keep their order.
            self._last = [*self._last[-20:], envelope] if self._same(envelope) else [envelope]
        self._expected.frames += 1
        await self._producer.send(topics.FRAMES, envelope.frame, key=envelope.key(), headers=envelope.headers())

    def _same(self, envelope: Envelope) -> bool:
        return bool(self._last) and self._last[-1].connection_id == envelope.connection_id


class Fleet:
    """`rate`: about how many steps a second of all chargers together."""

    def __init__(self, producer: AIOKafkaProducer, seed: int, chargers: int = 12, ahead_s: int = 0) -> None:
        self.expected = Expected()
        self._producer = producer
        self._chance = random.Random(seed)
        # One in four logs next to nothing.
        self.chargers = [
            Charger(producer, self.expected, f"CP{seed}-{n}", "loud" if n % 4 else "quiet", random.Random(f"{seed}.{n}"))
            for n in range(chargers)
        ]
        for charger in self.chargers:
            charger.ahead_us = ahead_s * 1_000_000
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self, rate: float = 150) -> None:
        self._task = asyncio.create_task(self._run(rate))

    async def stop(self) -> None:
        """Between two steps; returns once Kafka has everything."""
        self._stopping = True
        if self._task is not None:
            await self._task
        await self._producer.flush()

    async def _run(self, rate: float) -> None:
        while not self._stopping:
            for _ in range(max(1, int(rate / 20))):
                await self._step()
            await asyncio.sleep(0.05)

    async def _step(self) -> None:
        await self._chance.choice(self.chargers).step()

    async def close_all(self) -> None:
        """Nothing is open any more afterwards."""
        for charger in self.chargers:
            await charger.comes_back()
        await self._producer.flush()

    async def ballast(self, count: int, size: int) -> None:
        """Large messages that no level wants."""
        quiet = next(charger for charger in self.chargers if charger.site == "quiet")
        for _ in range(count):
            await quiet.large(size)
        await self._producer.flush()

    async def steps(self, count: int) -> None:
        for _ in range(count):
            await self._step()
        await self._producer.flush()

    async def poison(self, key: bytes) -> None:
        """A record that is no envelope."""
        value = b"poison %d" % len(self.expected.poison) + self._chance.randbytes(8)
        self.expected.poison.append(value)
        await self._producer.send(topics.FRAMES, value, key=key, headers=[("odd", b"\xff")])
