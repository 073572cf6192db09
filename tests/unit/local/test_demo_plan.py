"""The commands' schedule, the transaction ids and the pauses between connections."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from ocpplog_local.demo.central_system.commands import ChargerView, Circumstances, build
from ocpplog_local.demo.central_system.plan import Command, Step, demo_plans
from ocpplog_local.demo.central_system.transactions import TransactionIds
from ocpplog_local.demo.data import CHARGERS
from ocpplog_local.demo.fleet.tempo import DEMO_TEMPO, Backoff

FLEET = frozenset(charger.charger_id for charger in CHARGERS)
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def within(charger_id: str, seconds: float) -> set[Command]:
    """The commands that a charger gets in its first seconds."""
    passed = 0.0
    commands: set[Command] = set()
    for step in demo_plans(FLEET, seed=1)(charger_id):
        passed += step.delay_s
        if passed > seconds:
            return commands
        commands.add(step.command)
    raise AssertionError("a plan has no end")


def first(charger_id: str, count: int, seed: int = 1) -> list[Step]:
    return list(islice(demo_plans(FLEET, seed)(charger_id), count))


class TestPlan:
    def test_the_lab_shows_every_kind_of_command_in_about_a_minute(self) -> None:
        lab = set().union(*(within(charger_id, 65) for charger_id in FLEET if charger_id.startswith("LAB-")))
        assert {Command.REMOTE_START, Command.INOPERATIVE, Command.OPERATIVE, Command.SOFT_RESET} <= lab
        assert {Command.UPDATE_FIRMWARE, Command.TRIGGER_HEARTBEAT, Command.GET_CONFIGURATION} <= lab

    def test_the_firmware_campaign_reaches_the_depot_in_a_minute(self) -> None:
        assert Command.UPDATE_FIRMWARE in within("HARBOUR-01", 60)

    def test_the_same_seed_gives_the_same_plan(self) -> None:
        assert first("LAB-02", 30) == first("LAB-02", 30)
        assert first("LAB-02", 30) != first("LAB-02", 30, seed=2)

    def test_it_goes_on_after_a_reboot(self) -> None:
        plans = demo_plans(FLEET, seed=1)
        before = list(islice(plans("LAB-03"), 3))
        after = list(islice(plans("LAB-03"), 3))
        assert before + after == first("LAB-03", 6)

    def test_what_goes_out_of_service_comes_back(self) -> None:
        steps = first("GARAGE-03", 400)
        followers = [after.command for step, after in pairwise(steps) if step.command is Command.INOPERATIVE]
        assert followers
        assert set(followers) == {Command.OPERATIVE}

    def test_the_rate_is_modest(self) -> None:
        drawn = first("DE*HUB*E0042", 200)
        assert sum(step.delay_s for step in drawn) / len(drawn) > 30

    def test_a_strange_charger_is_asked_nothing_that_changes_it(self) -> None:
        steps = first("somebody-else", 100)
        assert {step.command for step in steps} == {
            Command.TRIGGER_HEARTBEAT,
            Command.TRIGGER_STATUS,
            Command.GET_CONFIGURATION,
        }
        assert steps[0].delay_s > 30


class TestRequests:
    def given(self, view: ChargerView) -> Circumstances:
        return Circumstances(view, random.Random(1), NOW)

    def test_each_command_has_a_request(self) -> None:
        view = ChargerView("HX-22", {0: "Available", 1: "Available"}, {7: 1})
        assert all(build(command, self.given(view)) is not None for command in Command)

    def test_nothing_starts_where_no_plug_is_free(self) -> None:
        assert build(Command.REMOTE_START, self.given(ChargerView("HX-22", {0: "Available", 1: "Charging"}))) is None

    def test_nothing_stops_where_nothing_runs(self) -> None:
        assert build(Command.REMOTE_STOP, self.given(ChargerView())) is None


class TestTransactionIds:
    def test_they_are_unique_within_a_moment(self) -> None:
        ids = TransactionIds(lambda: NOW)
        assert len({ids.next() for _ in range(100)}) == 100

    def test_they_are_unique_across_restarts(self) -> None:
        before = TransactionIds(lambda: NOW).next()
        assert TransactionIds(lambda: NOW + timedelta(seconds=1)).next() > before

    def test_they_fit_31_bits_for_years(self) -> None:
        assert TransactionIds(lambda: datetime(2032, 6, 1, tzinfo=UTC)).next() < 2**31


class TestBackoff:
    def test_it_doubles_up_to_its_limit_with_jitter(self) -> None:
        backoff = Backoff(random.Random(1), first_s=1, most_s=30)
        pauses = [backoff.failed() for _ in range(2000)]
        assert 0.5 <= pauses[0] <= 1
        assert 1 <= pauses[1] <= 2
        assert all(15 <= pause <= 30 for pause in pauses[6:])

    def test_success_starts_it_anew(self) -> None:
        backoff = Backoff(random.Random(1))
        for _ in range(9):
            backoff.failed()
        backoff.succeeded()
        assert backoff.failed() <= 1


def test_a_faster_tempo_shortens_spans_and_leaves_chances() -> None:
    fast = DEMO_TEMPO.faster(10)
    assert fast.session == (4.0, 12.0)
    assert fast.refused_tag == DEMO_TEMPO.refused_tag
