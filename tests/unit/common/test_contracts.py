"""Envelopes, levels, records, tokens and migrations."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import msgspec
import pytest
from msgspec.structs import replace

from ocpplog_common import records, tokens
from ocpplog_common.admin import kafka
from ocpplog_common.admin.__main__ import main
from ocpplog_common.clickhouse import client, migrate
from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS
from ocpplog_common.envelope import Envelope, EnvelopeError, Header, Opcode, Source, new_connection_id
from ocpplog_common.levels import Level, admits, level_of
from ocpplog_common.records import Charger, Connectivity, Gap, LevelName, RecordError, Site
from ocpplog_common.settings import KafkaSettings

ENVELOPE = Envelope(
    "CP 1", "sité", Source.CSMS, "ocpp1.6", "a" * 32, 7, 1_795_480_794_403_123, "gw-1", b"\x00\xff", Opcode.BINARY
)


class TestEnvelope:
    def test_there_and_back(self) -> None:
        assert Envelope.from_record(ENVELOPE.key(), ENVELOPE.frame, ENVELOPE.headers()) == ENVELOPE

    @pytest.mark.parametrize(
        "name", ["site-id", "source", "sequence", "received-at-us", "connection-id", "gateway-id", "subprotocol"]
    )
    def test_a_missing_header_is_named(self, name: str) -> None:
        headers = [(key, value) for key, value in ENVELOPE.headers() if key != name]
        with pytest.raises(EnvelopeError, match=f"header {name}: missing"):
            Envelope.from_record(b"CP1", b"", headers)

    @pytest.mark.parametrize(("name", "value"), [("sequence", b"x"), ("source", b"elsewhere"), ("site-id", b"\xff")])
    def test_a_header_without_meaning(self, name: str, value: bytes) -> None:
        headers = [(key, value if key == name else found) for key, found in ENVELOPE.headers()]
        with pytest.raises(EnvelopeError):
            Envelope.from_record(b"CP1", b"", headers)

    def test_only_what_is_not_registered_says_so(self) -> None:
        stranger = replace(ENVELOPE, registered=False)
        assert set(stranger.headers()) - set(ENVELOPE.headers()) == {("registered", b"no")}
        assert "registered" not in dict(ENVELOPE.headers())
        assert Envelope.from_record(stranger.key(), stranger.frame, stranger.headers()) == stranger

    def test_connection_ids_are_in_the_order_of_time(self) -> None:
        ids = [new_connection_id(1_795_480_794_403_000 + n * 1000) for n in range(50)]
        assert ids == sorted(ids)
        assert len(set(ids)) == 50
        assert {found[12] for found in ids} == {"7"}

    def test_those_of_one_millisecond_too(self) -> None:
        ids = [new_connection_id(1_795_480_794_500_000 + n) for n in range(500)]
        assert ids == sorted(ids)
        assert len(set(ids)) == 500


class TestLevels:
    MINIMAL = ("UpdateFirmware", "BootNotification", "FirmwareStatusNotification", "SignedUpdateFirmware", "PublishFirmware")
    INFO = ("Authorize", "StartTransaction", "StatusNotification", "StopTransaction", "TransactionEvent", "")
    DEBUG = ("ChangeAvailability", "RemoteStartTransaction", "Reset", "Heartbeat", "MeterValues", "DataTransfer", "Anything")

    def test_each_contains_the_one_before(self) -> None:
        assert {level_of(action) for action in self.MINIMAL} == {Level.MINIMAL}
        assert {level_of(action) for action in self.INFO} == {Level.INFO}
        assert {level_of(action) for action in self.DEBUG} == {Level.DEBUG}
        for action in (*self.MINIMAL, *self.INFO, *self.DEBUG):
            admitted = [admits(level, action) for level in Level]
            assert admitted == sorted(admitted), action
            assert admitted[-1]

    def test_names(self) -> None:
        assert [str(level) for level in Level] == ["minimal", "info", "debug"]
        with pytest.raises(ValueError, match="minimal, info, debug"):
            Level.parse("verbose")


class TestSites:
    NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def test_defaults_by_connectivity(self) -> None:
        assert Site(site_id="a", connectivity=Connectivity.WIRELESS).level_at(self.NOW) is Level.MINIMAL
        assert Site(site_id="a").level_at(self.NOW) is Level.INFO

    def test_expiry_falls_back(self) -> None:
        site = Site(site_id="a", level=LevelName.DEBUG, level_until=self.NOW, level_after=LevelName.MINIMAL)
        assert site.level_at(self.NOW - timedelta(microseconds=1)) is Level.DEBUG
        assert site.level_at(self.NOW) is Level.MINIMAL

    def test_there_and_back(self) -> None:
        site = Site(site_id="a", level=LevelName.DEBUG, level_until=self.NOW, upstream="ws://x/ocpp")
        assert records.decode_site(records.encode(site)) == site
        charger = Charger(charger_id="c", site_id="a", password_hash="x")
        assert records.decode_charger(records.encode(charger)) == charger

    def test_a_newer_release_may_add_fields(self) -> None:
        assert records.decode_site(b'{"site_id":"a","colour":"red"}') == Site(site_id="a")

    @pytest.mark.parametrize("value", [b"", b"{}", b'{"site_id":"a","level":"loud"}', b"\xff"])
    def test_what_cannot_be_read_says_why(self, value: bytes) -> None:
        with pytest.raises(RecordError, match="Site record"):
            records.decode_site(value)


class TestGaps:
    GAP = Gap(
        charger_id="CP1",
        site_id="a",
        source=Source.CHARGER,
        first_at=datetime(2026, 11, 24, 10, 3, 49, 120_000, UTC),
        last_at=datetime(2026, 11, 24, 10, 4, 12, 1000, UTC),
        count=37,
        bytes=4711,
        connections=2,
        reason="Kafka did not answer",
    )

    def test_there_and_back(self) -> None:
        assert records.decode_gap(records.encode(self.GAP)) == self.GAP

    def test_as_a_record_of_frames(self) -> None:
        envelope = replace(ENVELOPE, frame=records.encode(self.GAP), opcode=Opcode.GAP)
        assert (Header.OPCODE.value, b"gap") in envelope.headers()
        assert Envelope.from_record(envelope.key(), envelope.frame, envelope.headers()) == envelope

    @pytest.mark.parametrize(
        ("name", "value"),
        [("first_at", "2026-11-24T10:03:49"), ("source", "gateway"), ("count", 0), ("count", "37"), ("bytes", None)],
    )
    def test_what_cannot_be_read_says_why(self, name: str, value: object) -> None:
        with pytest.raises(RecordError, match=rf"Gap record: .*{name}"):
            records.decode_gap(msgspec.json.encode(msgspec.to_builtins(self.GAP) | {name: value}))


def test_tokens(tmp_path: Path) -> None:
    key = tokens.create_key(tmp_path / "keys" / "api.key")
    assert tokens.create_key(tmp_path / "keys" / "api.key") == key
    assert (tmp_path / "keys" / "api.key").stat().st_mode & 0o077 == 0
    token = tokens.mint(key, "me", tokens.Role.VIEWER, ["a"], 60)
    claims = jwt.decode(token, key, algorithms=["HS256"], audience=tokens.AUDIENCE)
    assert (claims["sub"], claims["role"], claims["sites"]) == ("me", "viewer", ["a"])


class TestMigrations:
    def test_an_applied_one_must_not_change(self) -> None:
        [first, *rest] = migrate.available()
        assert migrate.pending([first, *rest], {1: first.checksum}) == rest
        with pytest.raises(migrate.MigrationError, match="was changed after it was applied"):
            migrate.pending([first], {1: "other"})
        with pytest.raises(migrate.MigrationError, match="newer release"):
            migrate.pending([first], {9: "x"})

    @pytest.mark.parametrize(("version", "good"), [("26.9.2.1", True), ("27.1", True), ("26.8.9.1", False), ("24.3", False)])
    def test_servers_that_are_too_old(self, version: str, good: bool) -> None:
        if good:
            client.check_version(version)
        else:
            with pytest.raises(client.ServerTooOld, match=r"26\.9"):
                client.check_version(version)


def test_export_headers() -> None:
    assert len(EXPORT_COLUMNS) == 27
    assert list(EXPORT_COLUMNS)[:4] == ["Datetime", "Action", "Charger ID", "Connector ID"]
    assert list(EXPORT_COLUMNS)[-1] == "Power"


async def test_sites_without_their_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nowhere(topic: str, client: object) -> list[int]:
        return []

    monkeypatch.setattr(kafka, "partitions_of", nowhere)
    with pytest.raises(ValueError, match=r"no topic ocpp\.sites: `ocpplog-admin topics`"):
        await kafka.read_sites(KafkaSettings())


class TestWhatMayBeWritten:
    @pytest.mark.parametrize(
        ("record", "problem"),
        [
            (Site(site_id="s", upstream="wss://user:secret@csms/ocpp"), "s: upstream: credentials must not be on Kafka"),
            (Charger(charger_id="c", site_id="s", upstream="ws://user@csms"), "c: upstream: credentials must not be on Kafka"),
            (Charger(charger_id="c", site_id="s", upstream="http://user:secret@csms"), "credentials must not be on Kafka"),
            (Charger(charger_id="c", site_id="s", upstream="http://csms"), "ws:// or wss://"),
            (Site(site_id="s", upstream="ws://"), "ws:// or wss://"),
            (Site(site_id="s", upstream="ws://csms:x/"), "ws:// or wss://"),
            (Site(site_id="s", upstream="ws://csms/?token=1"), "ws:// or wss://"),
            (Site(site_id="s", upstream_credentials="../etc/passwd"), "upstream_credentials: a name"),
        ],
    )
    def test_refused(self, record: Site | Charger, problem: str) -> None:
        with pytest.raises(RecordError, match=problem) as error:
            records.check_to_write(record)
        assert "secret" not in str(error.value)

    @pytest.mark.parametrize("upstream", ["", "ws://csms", "wss://csms:9000/ocpp/a@b", "ws://[::1]:80/"])
    def test_taken(self, upstream: str) -> None:
        records.check_to_write(Site(site_id="s", upstream=upstream, upstream_credentials="csms-1.a_b"))

    @pytest.mark.parametrize("field", ['"min_profile":4', '"min_profile":-1', '"missing_subprotocol":"ocpp1.5"'])
    def test_fields_of_a_charger(self, field: str) -> None:
        with pytest.raises(RecordError):
            records.decode_charger(b'{"charger_id":"c","site_id":"s",%s}' % field.encode())

    def test_the_command_says_so_and_writes_nothing(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = b'{"charger_id":"a","site_id":"s"}\n{"charger_id":"b","site_id":"s","upstream":"ws://user:secret@csms"}\n'
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
        # Logs would go on to what is captured here, after it is closed.
        monkeypatch.setattr("ocpplog_common.logging.configure", lambda *_: None)
        assert main(["put", "chargers"]) == 1
        said = capsys.readouterr()
        assert said.err.startswith("ocpplog-admin put: line 2: b: upstream: credentials must not be on Kafka")
        assert said.out == "" and "secret" not in said.err
