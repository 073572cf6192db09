"""What a site's record says is what its rows look like."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from ocpplog_common import id_tags
from ocpplog_common.envelope import Envelope, Source
from ocpplog_common.records import IdTags, LevelName, Site
from ocpplog_enricher import metrics
from ocpplog_enricher.__main__ import main
from ocpplog_enricher.dead_letter import DeadLetters
from ocpplog_enricher.domain.pairing import Pairing
from ocpplog_enricher.domain.rows import Enriched, LogRow
from ocpplog_enricher.sink import Sink
from ocpplog_enricher.site_policies import SitePolicies
from ocpplog_enricher.worker import Worker

TAG = "04A1B2C3D4E5F6"
KEY = b"k" * 32
AT_US = 1_795_480_794_403_123


def site(id_tags: IdTags) -> dict[str, Site]:
    return {"s": Site(site_id="s", id_tags=id_tags)}


class TestTags:
    def test_plain(self) -> None:
        assert SitePolicies(site(IdTags.PLAIN), KEY).policy("s").hide_tag is None

    @pytest.mark.parametrize(
        ("wanted", "expected"), [(IdTags.MASKED, "****F6"), (IdTags.HASHED, id_tags.hashed(TAG.encode(), KEY))]
    )
    def test_hidden(self, wanted: IdTags, expected: str) -> None:
        hide = SitePolicies(site(wanted), KEY).policy("s").hide_tag
        assert hide and hide(TAG.encode()) == expected

    def test_hashed_without_a_key_is_masked_and_said_once_a_site(self) -> None:
        policies = SitePolicies(site(IdTags.HASHED) | {"t": Site(site_id="t", id_tags=IdTags.HASHED)}, b"")
        with capture_logs() as logged:
            found = [policies.policy(name).hide_tag for name in "sstts"]
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


class TestUnknownSites:
    def test_are_logged_at_the_default_level(self) -> None:
        policies = SitePolicies({}, KEY)
        assert policies.admits("nowhere", "StatusNotification", AT_US)
        assert not policies.admits("nowhere", "Heartbeat", AT_US)

    def test_and_visible_as_such(self) -> None:
        policies = SitePolicies(site(IdTags.PLAIN), KEY)
        before = metrics.UNKNOWN_SITE._value.get()
        with capture_logs() as logged:
            assert policies.policy("s").notes == ()
            found = [policies.policy("nowhere").notes for _ in range(3)]
        assert found == [("log: the site is not in ocpp.sites: logged at level info",)] * 3
        assert [entry["site"] for entry in logged] == ["nowhere"]
        assert metrics.UNKNOWN_SITE._value.get() == before + 3


@dataclass
class Record:
    offset: int
    value: bytes | None
    headers: list[tuple[str, bytes]]
    partition: int = 0
    generation: int = 1
    timestamp_ms: int = AT_US // 1000
    key: bytes | None = b"CP1"
    acknowledged: bool = False

    def ack(self) -> None:
        self.acknowledged = True


@dataclass
class Bench:
    """The worker as it is, with what it stores in `rows`."""

    sites: dict[str, Site]
    rows: list[LogRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        policies = SitePolicies(self.sites, KEY)
        self.worker = Worker(
            new_pairing=lambda: Pairing(policies.admits, 60_000_000),
            policy=policies.policy,
            sink=cast(Sink, self),
            history=self,
            dead_letters=cast(DeadLetters, self),
            clock=self,
            caught_up=lambda *_: True,
            largest_write=100,
        )

    async def write(self, found: list[Enriched], suspect: bool) -> bool:
        self.rows += [enriched.log for enriched in found]
        return False

    async def records_before(self, *_: int) -> AsyncIterator[Any]:
        nothing: list[Any] = []
        for record in nothing:
            yield record

    def went_well(self) -> None: ...

    def now_us(self) -> int:
        return AT_US

    async def take(self, offset: int, source: Source, frame: str) -> Record:
        envelope = Envelope("CP1", "s", source, "ocpp1.6", "a" * 32, offset + 1, AT_US + offset, "gw", frame.encode())
        record = Record(offset, envelope.frame, envelope.headers())
        await self.worker.handle([record])
        return record


async def test_a_row_looks_as_the_record_says_when_it_is_written() -> None:
    bench = Bench(site(IdTags.PLAIN))
    request, answer = f'[2,"1","Authorize",{{"idTag":"{TAG}"}}]', '[3,"1",{}]'
    await bench.take(0, Source.CHARGER, request)
    await bench.take(1, Source.CSMS, answer)
    await bench.take(2, Source.CHARGER, request)
    bench.sites["s"] = Site(site_id="s", level=LevelName.MINIMAL, id_tags=IdTags.MASKED)
    last = await bench.take(3, Source.CSMS, answer)
    assert [row.id_tag for row in bench.rows] == [TAG, "****F6"]
    assert TAG not in bench.rows[1].request
    assert last.acknowledged


async def test_an_unknown_site_is_noted_on_its_rows() -> None:
    bench = Bench({})
    await bench.take(0, Source.CHARGER, '[2,"1","Authorize",{"idTag":"A"}]')
    await bench.take(1, Source.CSMS, '[3,"1",{"idTagInfo":{"status":"Accepted"}}]')
    [row] = bench.rows
    assert row.violations == ["log: the site is not in ocpp.sites: logged at level info"]
    assert row.id_tag == "A"
