"""What a site's record says is what its rows look like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from msgspec.structs import replace
from pydantic import ValidationError
from structlog.testing import capture_logs

from ocpplog_common import id_tags, ocppj
from ocpplog_common.envelope import Envelope, Source
from ocpplog_common.level_changes import change_level
from ocpplog_common.records import IdTags, LevelName, Site
from ocpplog_enricher import metrics
from ocpplog_enricher.__main__ import main
from ocpplog_enricher.domain import fields
from ocpplog_enricher.domain.observed import Observed
from ocpplog_enricher.domain.open_requests import REQUEST_BYTES, Limits
from ocpplog_enricher.domain.pairing import Exchange, Outcome
from ocpplog_enricher.domain.policy import Policy, Retention
from ocpplog_enricher.settings import EnricherSettings
from ocpplog_enricher.site_policies import SitePolicies

from .worker_bench import AT_US, KEY, Bench

TAG = "04A1B2C3D4E5F6"


def site(id_tags: IdTags) -> dict[str, Site]:
    return {"s": Site(site_id="s", id_tags=id_tags)}


def frame(site_id: str = "s", registered: bool = True, at_us: int = AT_US) -> Envelope:
    return Envelope(
        "CP1", site_id, Source.CHARGER, "ocpp1.6", "a" * 32, 1, at_us, "gw", b'[2,"1","Reset",{}]', registered=registered
    )


class TestTags:
    def test_plain(self) -> None:
        assert SitePolicies(site(IdTags.PLAIN), KEY).policy(frame()).hide_tag is None

    @pytest.mark.parametrize(
        ("wanted", "expected"), [(IdTags.MASKED, "****F6"), (IdTags.HASHED, id_tags.hashed(TAG.encode(), KEY))]
    )
    def test_hidden(self, wanted: IdTags, expected: str) -> None:
        hide = SitePolicies(site(wanted), KEY).policy(frame()).hide_tag
        assert hide and hide(TAG.encode()) == expected

    def test_hashed_without_a_key_is_masked_and_said_once_a_site(self) -> None:
        policies = SitePolicies(site(IdTags.HASHED) | {"t": Site(site_id="t", id_tags=IdTags.HASHED)}, b"")
        with capture_logs() as logged:
            found = [policies.policy(frame(name)).hide_tag for name in "sstts"]
        assert [hide and hide(TAG.encode()) for hide in found] == ["****F6"] * 5
        assert [entry["site"] for entry in logged] == ["s", "t"]
        assert "OCPPLOG_ENRICHER_ID_TAG_KEY_FILE" in logged[0]["event"]

    def test_a_key_file_that_is_of_no_use_ends_the_process(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Masked tags could never be told apart again."""
        monkeypatch.setattr("ocpplog_common.logging.configure", lambda *_: None)
        (tmp_path / "short").write_text("x")
        for name, why in (("none", "No such file"), ("short", "16 bytes")):
            monkeypatch.setenv("OCPPLOG_ENRICHER_ID_TAG_KEY_FILE", str(tmp_path / name))
            assert main() == 1
            said = capsys.readouterr().err
            assert said.startswith("ocpplog-enricher: ") and why in said

    def test_who_cannot_be_hashed_for_want_of_a_key(self) -> None:
        sites = {name: Site(site_id=name, id_tags=IdTags.HASHED) for name in "ba"} | {
            "c": Site(site_id="c", id_tags=IdTags.MASKED)
        }
        assert SitePolicies(sites, b"").lacks_key(["c", "b", "gone", "a"]) == ["a", "b"]
        assert SitePolicies(sites, b"").lacks_key(["c", "gone"]) == SitePolicies(sites, KEY).lacks_key(sites) == []


class TestUnknownSites:
    def test_are_logged_at_the_default_level(self) -> None:
        policies = SitePolicies({}, KEY)
        assert policies.admits("nowhere", "StatusNotification", AT_US)
        assert not policies.admits("nowhere", "Heartbeat", AT_US)

    def test_and_visible_as_such(self) -> None:
        policies = SitePolicies(site(IdTags.PLAIN), KEY)
        before = metrics.UNKNOWN_SITE._value.get()
        with capture_logs() as logged:
            assert policies.policy(frame()).notes == ()
            found = [policies.policy(frame("nowhere")).notes for _ in range(3)]
        assert found == [("log: the site is not in ocpp.sites: logged at level info",)] * 3
        assert [entry["site"] for entry in logged] == ["nowhere"]
        assert metrics.UNKNOWN_SITE._value.get() == before + 3

    def test_their_tags_stay_or_are_hidden_where_that_is_asked_for(self) -> None:
        for hide in (None, id_tags.masked):
            policies = SitePolicies(site(IdTags.PLAIN), KEY, hide_unknown=hide)
            assert policies.policy(frame("nowhere")).hide_tag is hide
            assert policies.policy(frame("s")).hide_tag is None
        assert policies.knows("s") and not policies.knows("nowhere")


class TestUnknownChargers:
    """They came in at the gateway's default site."""

    def test_are_visible_with_the_level_of_when_they_sent_it(self) -> None:
        now = datetime.fromtimestamp(AT_US / 1_000_000, UTC)
        changed = change_level(Site(site_id="s"), LevelName.DEBUG, who="a", why="b", now=now)
        policies = SitePolicies({"s": changed}, KEY)
        before = metrics.UNKNOWN_CHARGER._value.get()
        assert policies.policy(frame()).notes == ()
        assert metrics.UNKNOWN_CHARGER._value.get() == before
        for at_us, level in ((AT_US - 1, "info"), (AT_US, "debug")):
            notes = policies.policy(frame(registered=False, at_us=at_us)).notes
            assert notes == (f"log: the charger is not in ocpp.chargers: logged at level {level}",)
        assert metrics.UNKNOWN_CHARGER._value.get() == before + 2

    def test_at_a_site_that_is_unknown_too(self) -> None:
        notes = SitePolicies({}, KEY).policy(frame("nowhere", registered=False)).notes
        assert [note.partition(" is ")[0] for note in notes] == ["log: the site", "log: the charger"]


class TestLevels:
    def test_a_change_concerns_requests_that_came_after_it_whenever_they_are_read(self) -> None:
        now = datetime.fromtimestamp(AT_US / 1_000_000, UTC)
        changed = change_level(Site(site_id="s"), LevelName.DEBUG, who="a", why="b", now=now, until=now + timedelta(seconds=1))
        policies = SitePolicies({"s": changed}, KEY)
        admitted = [policies.admits("s", "Heartbeat", AT_US + later) for later in (-1, 0, 999_999, 1_000_000)]
        assert admitted == [False, True, True, False]


class TestRetention:
    ROWS: ClassVar = {"BootNotification": 7, "Authorize": 8, "": 8, "Heartbeat": 9, "VendorsOwn": 9}

    def test_by_the_lowest_level_that_logs_the_action(self) -> None:
        policies = SitePolicies(site(IdTags.PLAIN), KEY, Retention(minimal=7, info=8, debug=9))
        for name in ("s", "nowhere"):
            retention = policies.policy(frame(name)).retention
            assert {action: retention.days(action) for action in self.ROWS} == self.ROWS

    def test_a_sites_own_is_that_of_all_its_rows(self) -> None:
        policies = SitePolicies({"s": Site(site_id="s", retention_days=30)}, KEY)
        assert {policies.policy(frame()).retention.days(action) for action in self.ROWS} == {30}

    def test_of_events(self) -> None:
        known = {"s": Site(site_id="s", retention_days=30), "t": Site(site_id="t")}
        policies = SitePolicies(known, KEY, Retention(minimal=7, info=8, debug=9))
        assert [policies.event_days(name) for name in ("s", "t", "nowhere", "")] == [30, 8, 8, 8]

    def test_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert EnricherSettings().retention() == Retention(minimal=400, info=400, debug=100)
        for level, days in (("MINIMAL", "1"), ("INFO", "3650"), ("DEBUG", "5")):
            monkeypatch.setenv(f"OCPPLOG_ENRICHER_RETENTION_{level}_DAYS", days)
        assert EnricherSettings().retention() == Retention(1, 3650, 5)
        for wrong in ("0", "3651"):
            monkeypatch.setenv("OCPPLOG_ENRICHER_RETENTION_DEBUG_DAYS", wrong)
            with pytest.raises(ValidationError, match="enricher_retention_debug_days"):
                EnricherSettings()

    def test_of_a_row_and_its_samples(self) -> None:
        samples = b'[{"timestamp":"2026-11-24T10:00:00Z","sampledValue":[{"value":"1"},{"value":"2"}]}]'
        seen = frame()
        request = b'[2,"1","MeterValues",{"connectorId":1,"meterValue":%b}]' % samples
        observed = Observed(replace(seen, frame=request), ocppj.parse(request), 0)
        exchange = Exchange(observed, None, Outcome.TIMEOUT, 0, admitted=True)
        found = fields.enrich(exchange, 0, Policy(retention=Retention(debug=5)))
        assert [found.log.retention_days, *(sample.retention_days for sample in found.samples)] == [5, 5, 5]


class TestLimits:
    def test_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert EnricherSettings().limits() == Limits()
        for number, name in enumerate(("OPEN", "OPEN_BYTES", "OPEN_PARTITION_BYTES", "OPEN_FRAMES"), 1):
            monkeypatch.setenv(f"OCPPLOG_ENRICHER_MAX_{name}", str(number))
        assert EnricherSettings().limits() == Limits(1, 2, 3, 4)


async def test_a_row_looks_as_the_record_says_when_it_is_written() -> None:
    bench = Bench(site(IdTags.PLAIN))
    request, answer = f'[2,"1","Authorize",{{"idTag":"{TAG}"}}]', '[3,"1",{}]'
    await bench.take(0, Source.CHARGER, request)
    await bench.take(1, Source.CSMS, answer)
    await bench.take(2, Source.CHARGER, request)
    bench.sites["s"] = Site(site_id="s", level=LevelName.MINIMAL, id_tags=IdTags.MASKED)
    await bench.take(3, Source.CSMS, answer)
    assert [row.id_tag for row in bench.rows] == [TAG, "****F6"]
    assert TAG not in bench.rows[1].request


async def test_what_is_held_is_measured_and_what_is_closed_early_counted() -> None:
    bench, before = Bench(site(IdTags.PLAIN), limits=Limits(requests=1)), metrics.CLOSED_EARLY._value.get()
    for offset in range(3):
        await bench.take(offset, Source.CHARGER, f'[2,"{offset}","Authorize",{{}}]')
    await bench.worker.expire_quiet()
    assert metrics.CLOSED_EARLY._value.get() == before + 2
    assert [metric._value.get() for metric in (metrics.OPEN, metrics.HELD_FRAMES)] == [1, 1]
    assert REQUEST_BYTES < metrics.OPEN_BYTES._value.get() < 2 * REQUEST_BYTES


async def test_an_unknown_charger_is_noted_on_its_rows_and_counted() -> None:
    bench = Bench(site(IdTags.PLAIN))
    counters = [metrics.VIOLATIONS.labels(kind) for kind in ("log", "request", "frame")]
    before = [counter._value.get() for counter in counters]
    await bench.take(0, Source.CHARGER, '[2,"1","Authorize",{"idTag":1,"x":2}]', registered=False)
    await bench.take(1, Source.CSMS, '[3,"1",{"idTagInfo":{"status":"Accepted"}}]', registered=False)
    [row] = bench.rows
    assert row.violations[0] == "log: the charger is not in ocpp.chargers: logged at level info"
    assert [counter._value.get() for counter in counters] == [before[0] + 1, before[1] + 1, before[2]]


async def test_an_unknown_site_is_noted_on_its_rows() -> None:
    bench = Bench({})
    await bench.take(0, Source.CHARGER, '[2,"1","Authorize",{"idTag":"A"}]')
    await bench.take(1, Source.CSMS, '[3,"1",{"idTagInfo":{"status":"Accepted"}}]')
    [row] = bench.rows
    assert row.violations == ["log: the site is not in ocpp.sites: logged at level info"]
    assert row.id_tag == "A"
