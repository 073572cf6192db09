"""A day of a fleet's traffic, as frames on Kafka: boots, sessions, reconnects, and what goes wrong. As fast as it is read."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from datetime import UTC, datetime

from ocpplog_common.envelope import Envelope, Source, new_connection_id

SECOND = 1_000_000
START_US = 1_795_478_400 * SECOND
"""2026-11-24T00:00:00Z"""
_HEARTBEAT_S, _METER_S = 300, 60


def traffic(chargers: int, hours: float, seed: int = 20261124) -> Iterator[Envelope]:
    """The frames of so many chargers over so many hours of stream time, in the order of their times.

    About 40 frames a charger and hour. Some requests are never answered, some are sent again, some answers come twice, some
    frames stand on Kafka twice, some are no OCPP-J, and now and then a charger comes back on a new connection.
    """
    end_us = START_US + int(hours * 3600) * SECOND
    fleet = (_Charger(number, random.Random(f"{seed}-{number}")).frames(end_us) for number in range(chargers))
    return heapq.merge(*fleet, key=lambda envelope: envelope.received_at_us)


class _Charger:
    def __init__(self, number: int, chance: random.Random) -> None:
        self.name, self.site = f"CP{number:04d}", f"site-{number % 10}"
        self._chance = chance
        self._now_us = START_US + chance.randrange(_HEARTBEAT_S * SECOND)
        self._connection, self._sequence, self._message = "", 0, 0
        # Some are never connected for long.
        self._lasts_s = chance.choice((300, 600, 1800, 4 * 3600, 12 * 3600))

    def frames(self, end_us: int) -> Iterator[Envelope]:
        while self._now_us < end_us:
            closes_us = min(end_us, self._now_us + self._lasts_s * SECOND)
            self._connection, self._sequence = new_connection_id(self._now_us), 0
            boot = list(self._exchange("BootNotification", '{"chargePointVendor":"Helix","chargePointModel":"H2"}'))
            yield from boot
            while self._now_us < closes_us:
                yield from self._slot()
                if self._chance.random() < 0.01:
                    # A copy from so far back that nobody knows it for one.
                    yield boot[0]
            self._now_us += self._chance.randrange(1, 30) * SECOND

    def _slot(self) -> Iterator[Envelope]:
        """What happens between two heartbeats."""
        yield from self._exchange("Heartbeat", "{}", '{"currentTime":"2026-11-24T10:00:00Z"}')
        if self._chance.random() < 0.03:
            yield from self._session()
        if self._chance.random() < 0.02:
            yield from self._exchange("Reset", '{"type":"Soft"}', '{"status":"Accepted"}', Source.CSMS)
        if self._chance.random() < 0.01:
            yield self._frame(Source.CHARGER, '[2,"7","StatusNot')
        self._now_us += _HEARTBEAT_S * SECOND

    def _session(self) -> Iterator[Envelope]:
        yield from self._exchange("Authorize", '{"idTag":"04A1B2C3D4E5F6"}', '{"idTagInfo":{"status":"Accepted"}}')
        yield from self._status("Charging")
        for reading in range(self._chance.randrange(5, 40)):
            yield from self._exchange("MeterValues", self._meter_values(reading))
            self._now_us += _METER_S * SECOND
        yield from self._status("Available")

    def _status(self, status: str) -> Iterator[Envelope]:
        return self._exchange("StatusNotification", f'{{"connectorId":1,"errorCode":"NoError","status":"{status}"}}')

    def _meter_values(self, reading: int) -> str:
        at = datetime.fromtimestamp(self._now_us / SECOND, UTC).isoformat().replace("+00:00", "Z")
        chance = self._chance
        told = [("Voltage", f"L{line}-N", "V", 230 + 3 * chance.random()) for line in (1, 2, 3)]
        told += [("Current.Import", f"L{line}", "A", 15 + chance.random()) for line in (1, 2, 3)]
        told += [("Power.Active.Import", "", "W", 10_400 + 200 * chance.random())]
        told += [("Energy.Active.Import.Register", "", "Wh", 1_387_299 + 173 * reading)]
        values = ",".join(_sample(*sample) for sample in told)
        return f'{{"connectorId":1,"transactionId":7,"meterValue":[{{"timestamp":"{at}","sampledValue":[{values}]}}]}}'

    def _exchange(self, action: str, request: str, response: str = "{}", asks: Source = Source.CHARGER) -> Iterator[Envelope]:
        self._message += 1
        call, answer = f'[2,"{self._message}","{action}",{request}]', f'[3,"{self._message}",{response}]'
        asked = self._frame(asks, call)
        yield asked
        odd = self._chance.random()
        if odd < 0.005:
            return  # Nobody answers.
        if odd < 0.010:
            yield self._frame(asks, call)
        elif odd < 0.015:
            yield asked
        yield self._frame(asks.peer, answer)
        if odd > 0.995:
            yield self._frame(asks.peer, answer)

    def _frame(self, source: Source, frame: str) -> Envelope:
        self._sequence += 1
        self._now_us += self._chance.randrange(1000, 200_000)
        return Envelope(
            *(self.name, self.site, source, "ocpp1.6", self._connection, self._sequence, self._now_us, "gw", frame.encode())
        )


def _sample(measurand: str, phase: str, unit: str, value: float) -> str:
    at = f'"phase":"{phase}",' if phase else ""
    return f'{{"value":"{value:.1f}","context":"Sample.Periodic","measurand":"{measurand}",{at}"unit":"{unit}"}}'
