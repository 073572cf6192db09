"""Levels, retention and unknown chargers, from the admin command to the rows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from subprocess import PIPE

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace

from integration import test_enricher
from integration.test_enricher import METER_VALUES, Bench, Charger
from ocpplog_common.admin import kafka as admin
from ocpplog_common.envelope import Envelope, Source
from ocpplog_common.records import LevelName, Site, encode
from ocpplog_common.settings import KafkaSettings
from support.broker import IDEMPOTENCE, REPLICATION, kafka
from support.records import put_records

pytestmark = pytest.mark.integration

bench, producer = test_enricher.bench, test_enricher.producer
TAKES_EFFECT = timedelta(seconds=2)
_REQUESTS = "action != ''"
"""Where the command takes longer than the answer timeout, an answer is late, and a row by itself."""


class Command:
    """`ocpplog-admin`, as an operator runs it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self._env = os.environ | {
            "OCPPLOG_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
            "OCPPLOG_KAFKA_IDEMPOTENCE": str(IDEMPOTENCE).lower(),
        }

    async def __call__(self, *arguments: str, lines: bytes = b"") -> tuple[int, str]:
        """Its exit code and what it said."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ocpplog_common.admin", *arguments), env=self._env, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        said = await process.communicate(lines)
        assert process.returncode is not None
        return process.returncode, (said[0] + said[1]).decode()

    async def site(self, site_id: str) -> Site:
        return (await admin.read_sites(self.settings))[site_id]


@contextlib.asynccontextmanager
async def traffic(producer: AIOKafkaProducer, site_id: str) -> AsyncIterator[list[Envelope]]:
    """A Heartbeat, which is logged at debug only, ten times a second; gives the requests so far."""
    charger, requests = Charger(producer, "CP-busy", site_id), list[Envelope]()

    async def run() -> None:
        while True:
            number = len(requests) + 1
            requests.append(await charger.put(Source.CHARGER, f'[2,"{number}","Heartbeat",{{}}]'))
            await charger.put(Source.CSMS, f'[3,"{number}",{{}}]')
            await asyncio.sleep(0.1)

    task = asyncio.create_task(run())
    try:
        yield requests
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    # What comes last is a row: once it is there, so is all that came before it.
    await charger.exchange(len(requests) + 2, "BootNotification")


def sent(requests: list[Envelope], first: datetime, last: datetime) -> set[str]:
    """Message ids of what was received from `first` on and before `last`."""
    times = {str(number): datetime.fromtimestamp(e.received_at_us / 1e6, UTC) for number, e in enumerate(requests, 1)}
    return {number for number, at in times.items() if first <= at < last}


def logged(bench: Bench) -> set[str]:
    return {row[0] for row in bench.rows("message_id", "action = 'Heartbeat'")}


async def test_a_change_takes_effect_within_two_seconds_and_ends_by_itself(bench: Bench, producer: AIOKafkaProducer) -> None:
    bench.start()
    run = Command(bench.kafka)
    async with traffic(producer, "normal") as requests:
        await asyncio.sleep(1)
        code, said = await run("level", "normal", "debug", "--for", "6s", "--why", "a fault", "--who", "anna")
        assert (code, said.startswith("normal: info -> debug until ")) == (0, True), said
        [change] = (await run.site("normal")).history
        assert change.until is not None and (change.who, change.why) == ("anna", "a fault")
        assert change.until - change.at == timedelta(seconds=6)
        await asyncio.sleep((change.until + TAKES_EFFECT - datetime.now(UTC)).total_seconds())
    await bench.until(lambda: bool(bench.rows("1", "action = 'BootNotification'")))
    found, ever = logged(bench), datetime.max.replace(tzinfo=UTC)
    assert found >= sent(requests, change.at + TAKES_EFFECT, change.until) != set()
    assert not found & sent(requests, datetime.min.replace(tzinfo=UTC), change.at)
    assert not found & sent(requests, change.until, ever) and sent(requests, change.until, ever)


async def test_an_enricher_that_comes_late_logs_by_the_level_of_then(bench: Bench, producer: AIOKafkaProducer) -> None:
    """Frames from before, during and after a level; also when they are read a second time, by one that was killed."""
    run, charger = Command(bench.kafka), Charger(producer, "CP1", "normal")
    await charger.exchange(1, "Heartbeat")
    open_request = await charger.put(Source.CHARGER, '[2,"2","Heartbeat",{}]')
    assert (await run("level", "normal", "debug", "--why", "a fault"))[0] == 0
    await charger.put(Source.CSMS, '[3,"2",{}]')
    await charger.exchange(3, "Heartbeat")
    assert (await run("level", "normal", "default", "--why", "found"))[0] == 0
    await charger.exchange(4, "Heartbeat")
    await charger.exchange(5, "BootNotification")
    expected = [("3",), ("5",)]
    bench.start()
    await bench.until(lambda: len(bench.rows("1", _REQUESTS)) >= 2)
    assert bench.rows("message_id", _REQUESTS) == expected
    bench.enricher.kill()
    bench.start()
    await charger.exchange(6, "BootNotification")
    await bench.until(lambda: len(bench.rows("1", _REQUESTS)) >= 3)
    assert bench.rows("message_id", _REQUESTS) == [*expected, ("6",)]
    assert open_request.received_at_us / 1e6 < (await run.site("normal")).history[1].at.timestamp()


async def test_unknown_chargers_and_retention_on_the_rows(bench: Bench, producer: AIOKafkaProducer) -> None:
    await put_records(bench.kafka, [Site(site_id="short", level=LevelName.DEBUG, retention_days=30)])
    bench.start()
    for site_id in ("loud", "short"):
        charger = Charger(producer, f"CP-{site_id}", site_id)
        for number, action in enumerate(("BootNotification", "Authorize"), 1):
            await charger.exchange(number, action)
        await charger.exchange(3, "MeterValues", METER_VALUES)
    stranger = Charger(producer, "STRANGER", "loud")
    stranger.send = _unregistered(stranger)  # type: ignore[method-assign]
    await stranger.exchange(1, "Authorize", '{"idTag":"A"}', '{"idTagInfo":{"status":"Accepted"}}')
    await bench.until(lambda: len(bench.rows("1")) == 7)
    by_site = {site: bench.rows("retention_days", f"charger_id = 'CP-{site}'") for site in ("loud", "short")}
    assert by_site == {"loud": [(400,), (400,), (100,)], "short": [(30,), (30,), (30,)]}
    samples = bench.client.query("SELECT DISTINCT site_id, retention_days FROM ocpplog.meter_sample ORDER BY site_id")
    assert [tuple(row) for row in samples.result_rows] == [("loud", 100), ("short", 30)]
    note = "log: the charger is not in ocpp.chargers: logged at level debug"
    assert bench.rows("charger_id", f"has(violations, '{note}')") == [("STRANGER",)]
    assert bench.rows("charger_id", "search LIKE '%not in ocpp.chargers%' AND search LIKE '%stranger%'") == [("STRANGER",)]


def _unregistered(charger: Charger):  # type: ignore[no-untyped-def]
    send = charger.send

    async def changed(envelope: Envelope) -> None:
        await send(replace(envelope, registered=False))

    return changed


@pytest.fixture(scope="module")
def run() -> Iterator[Command]:
    """The command, on a broker with one site."""
    with kafka() as bootstrap:
        settings = KafkaSettings(kafka_bootstrap=bootstrap, kafka_idempotence=IDEMPOTENCE)
        asyncio.run(admin.create_topics(settings, 1, REPLICATION))
        asyncio.run(put_records(settings, [Site(site_id="yard", name="Yard")]))
        yield Command(settings)


class TestCommand:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("nowhere", "debug", "--why", "x"), "level: there is no site 'nowhere' in ocpp.sites"),
            (("yard", "debug", "--why", "x", "--until", "2020-01-01T00:00Z"), "level: an expiry in the past"),
            (("yard", "debug", "--why", "x", "--for", "0m"), "level: an expiry in the past"),
            (("yard", "debug", "--why", " "), "level: say who changes the level, and why"),
        ],
    )
    async def test_refuses(self, run: Command, arguments: tuple[str, ...], said: str) -> None:
        code, text = await run("level", *arguments)
        assert (code, text.startswith(f"ocpplog-admin {said}"), text.count("\n")) == (1, True, 1), text
        assert (await run.site("yard")).level_until is None

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("yard", "loud", "--why", "x"), "invalid choice: 'loud'"),
            (("yard", "debug"), "required: --why"),
            (("yard", "debug", "--why", "x", "--until", "2036-01-01T00:00"), "no time with its zone"),
            (("yard", "debug", "--why", "x", "--for", "tomorrow"), "no duration, such as 90m"),
            (("yard", "debug", "--why", "x", "--for", "1h", "--until", "2036-01-01T00:00Z"), "not allowed with"),
        ],
    )
    async def test_asks_again(self, run: Command, arguments: tuple[str, ...], said: str) -> None:
        code, text = await run("level", *arguments)
        assert (code, said in text) == (2, True), text

    async def test_put_keeps_level_and_history(self, run: Command) -> None:
        assert (await run("level", "yard", "debug", "--why", "x", "--who", "anna", "--until", "2036-01-01T00:00+01:00"))[0] == 0
        known = await run.site("yard")
        lines = encode(Site(site_id="yard", name="New name")) + b"\n" + encode(Site(site_id="other", level=LevelName.MINIMAL))
        assert await run("put", "sites", lines=lines) == (0, "written: 2 sites\n")
        assert await run.site("yard") == msgspec.structs.replace(known, name="New name")
        assert (await run.site("other")).history == ()
        assert (await run("put", "sites", lines=encode(Site(site_id="yard", level=LevelName.MINIMAL))))[0] == 0
        history = (await run.site("yard")).history
        assert [change.after for change in history] == ["minimal", "debug"]
        assert history[0].who.endswith(", ocpplog-admin put") and history[1] == known.history[0]
        assert (await run.site("yard")).level_at(datetime(2035, 1, 1, tzinfo=UTC)).name == "MINIMAL"
