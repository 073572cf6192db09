"""`ocpplog-admin site`, `charger` and their keys, on a real broker."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from ocpplog_common import logging
from ocpplog_common.admin import kafka
from ocpplog_common.admin.__main__ import main
from ocpplog_common.records import Charger, Site
from ocpplog_common.secrets import verify_password
from ocpplog_common.settings import KafkaSettings
from support.broker import IDEMPOTENCE, broker

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def settings() -> Iterator[KafkaSettings]:
    with broker() as node:
        found = KafkaSettings(kafka_bootstrap=node.bootstrap, kafka_idempotence=IDEMPOTENCE)
        asyncio.run(kafka.create_topics(found, 1, 1))
        yield found


class Admin:
    """The commands, and what stands on Kafka after them."""

    def __init__(self, settings: KafkaSettings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._settings = settings
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def run(self, *arguments: str, code: int = 0) -> str:
        """What it prints: on standard error where it fails."""
        assert main(list(arguments)) == code
        printed = self._capsys.readouterr()
        return printed.err if code else printed.out

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*arguments).splitlines()]

    def put(self, kind: str, *lines: str, code: int = 0) -> str:
        self._monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO("\n".join(lines).encode())))
        return self.run("put", kind, code=code)

    def stored(self) -> tuple[dict[str, Site], dict[str, Charger]]:
        async def read() -> tuple[dict[str, Site], dict[str, Charger]]:
            async with kafka.open_records(self._settings) as found:
                return dict(found.sites), dict(found.chargers)

        return asyncio.run(read())


@pytest.fixture
def admin(settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Admin:
    monkeypatch.setenv("OCPPLOG_KAFKA_BOOTSTRAP", settings.kafka_bootstrap)
    monkeypatch.setenv("OCPPLOG_KAFKA_IDEMPOTENCE", str(settings.kafka_idempotence).lower())
    # It would hold on to the captured streams of this test.
    monkeypatch.setattr(logging, "configure", lambda *_: None)
    found = Admin(settings, capsys, monkeypatch)
    found.run("site", "set", "depot", "--name", "Depot", "--upstream", "wss://csms.example/")
    return found


def test_a_site_keeps_what_is_not_named(admin: Admin) -> None:
    assert admin.run("site", "set", "depot", "--retention-days", "9") == "depot: updated\n"
    site = admin.stored()[0]["depot"]
    assert (site.name, site.upstream, site.retention_days) == ("Depot", "wss://csms.example/", 9)
    admin.run("site", "set", "depot", "--upstream", "")
    assert admin.stored()[0]["depot"].upstream == ""
    assert [line["site_id"] for line in admin.lines("site", "list")] == ["depot"]


def test_another_connectivity_is_a_change_of_the_level_however_often_it_was_changed_before(admin: Admin) -> None:
    admin.run("site", "set", "field", "--connectivity", "lan")
    admin.run("level", "field", "debug", "--why", "looking")
    admin.run("level", "field", "default", "--why", "found")
    admin.run("site", "set", "field", "--connectivity", "wireless")
    site = admin.stored()[0]["field"]
    assert str(site.level_at(datetime.now(UTC))) == "minimal"
    assert [str(change.after) for change in site.history] == ["minimal", "info", "debug"]
    admin.run("site", "remove", "field")


def test_what_is_put_is_read_whole(admin: Admin) -> None:
    before = admin.stored()
    for kind, line, said in (
        ("sites", '{"site_id":"x","id_tag":"masked"}', "x: id_tag: there is no such field"),
        ("sites", '{"site_id":"a/b"}', "'a/b': site_id: up to 64 printable characters without * / \\"),
        ("sites", '{"site_id":""}', "'': site_id: up to 64"),
        ("sites", '{"site_id":"x"', "Site record: "),
        ("sites", '{"site_id":"depot","level_until":"2099-01-01T00:00:00Z"}', "depot: level_until: change the level"),
        ("chargers", '{"charger_id":"CP9","site_id":"depot","min_profil":2}', "CP9: min_profil: there is no such field"),
        ("chargers", '{"charger_id":"CP9","site_id":"depot","password_hash":"secret"}', "CP9: password_hash: not hmac-sha256"),
        ("chargers", '{"charger_id":"CP9","site_id":"depot","min_profile":7}', "Charger record: "),
        ("chargers", '{"charger_id":"CP 9/","site_id":"depot"}', "'CP 9/': charger_id: up to 48"),
        ("chargers", '{"charger_id":"CP9","site_id":"nowhere"}', "CP9: site_id: there is no site 'nowhere' in ocpp.sites"),
        ("chargers", '{"charger_id":"CP9"}', "CP9: site_id: a new charger needs its site"),
        ("chargers", '{"charger_id":"CP9","site_id":null}', "Charger record: Object missing required field `site_id`"),
        ("chargers", '["CP9"]', "Charger record: "),
    ):
        good = '{"site_id":"new"}' if kind == "sites" else '{"charger_id":"CP8","site_id":"depot"}'
        assert f"ocpplog-admin put: line 3: {said}" in admin.put(kind, good, "", line, code=1)
    assert admin.stored() == before


def test_a_copy_of_the_topic_comes_back_with_the_ids_that_older_releases_wrote(admin: Admin) -> None:
    change = {"who": "anna", "at": "2024-11-24T10:00:00Z", "before": "info", "after": "debug"}
    copies: dict[str, dict[str, Any]] = {
        "a/b": {"level": "debug", "history": [change]},
        "all *": {"history": []},
        "old.": {"level": "debug", "last_change": change},
        "x" * 65: {"level": "debug", "last_change": change},
    }
    lines = [json.dumps({"site_id": name} | fields) for name, fields in copies.items()]
    assert "line 5: 'c/d': site_id: up to 64" in admin.put("sites", *lines, '{"site_id":"c/d"}', code=1)
    assert not copies.keys() & admin.stored()[0].keys()
    assert admin.put("sites", *lines) == "written: 4 sites\n"
    sites = admin.stored()[0]
    assert [(str(sites[name].level), len(sites[name].history)) for name in copies] == [
        ("debug", 1),
        ("None", 0),
        ("debug", 1),
        ("debug", 1),
    ]
    for name in copies:
        admin.run("site", "remove", name)


def test_a_charger_that_is_put_keeps_what_its_line_does_not_name(admin: Admin) -> None:
    admin.put("sites", '{"site_id":"new"}')
    admin.run("charger", "set", "CP7", "--site", "depot", "--upstream", "wss://own.example/", "--user-name", "me", "--new-key")
    before = admin.stored()[1]["CP7"]
    assert admin.put("chargers", '{"charger_id":"CP7","site_id":"new"}') == "written: 1 chargers\n"
    moved = admin.stored()[1]["CP7"]
    assert before.password_hash and moved == replace(before, site_id="new")
    admin.put("chargers", '{"charger_id":"CP7","upstream":null,"min_profile":2}', '{"charger_id":"CP7","user_name":""}')
    assert admin.stored()[1]["CP7"] == replace(moved, upstream="", min_profile=2, user_name="")
    admin.put("chargers", '{"charger_id":"CP7","password_hash":null,"min_profile":null}')
    assert admin.stored()[1]["CP7"] == Charger(charger_id="CP7", site_id="new")
    # What `list` prints is taken again, as it was.
    listed = admin.run("charger", "list")
    admin.put("chargers", *listed.splitlines())
    assert admin.run("charger", "list") == listed
    admin.run("charger", "remove", "CP7")
    admin.run("site", "remove", "new")


def test_a_charger_gets_a_key_and_another_one(admin: Admin) -> None:
    made = admin.run("charger", "set", "CP1", "--site", "depot", "--min-profile", "2", "--new-key")
    first = re.fullmatch(r"CP1: created, key ([0-9a-f]{40})\n", made)
    second = re.fullmatch(r"([0-9a-f]{40})\n", admin.run("charger", "key", "CP1"))
    assert first and second
    charger = admin.stored()[1]["CP1"]
    assert verify_password(second[1].encode(), charger.password_hash) and charger.min_profile == 2
    assert not verify_password(first[1].encode(), charger.password_hash)
    admin.run("charger", "set", "CP1", "--user-name", "me")
    assert admin.stored()[1]["CP1"].password_hash == charger.password_hash
    assert second[1] not in admin.run("charger", "list")
    assert admin.lines("charger", "list", "--site", "elsewhere") == []


def test_what_cannot_be_done_is_said_and_not_done(admin: Admin) -> None:
    admin.run("charger", "set", "CP2", "--site", "depot")
    before = admin.stored()
    for arguments, said in (
        (("charger", "key", "CP0"), "there is no charger 'CP0'"),
        (("charger", "set", "CP0"), "a new charger needs its site"),
        (("charger", "set", "CP0", "--site", "nowhere"), "there is no site 'nowhere'"),
        (("site", "remove", "depot"), "to site 'depot': remove or move them first"),
        (("site", "remove", "nowhere"), "there is no site 'nowhere'"),
        (("site", "set", "a/b"), "site_id"),
        (("site", "set", "depot", "--upstream", "http://x"), "upstream"),
    ):
        assert said in admin.run(*arguments, code=1)
    assert admin.stored() == before


def test_chargers_and_then_their_site_are_removed(admin: Admin) -> None:
    for charger in admin.stored()[1]:
        assert admin.run("charger", "remove", charger) == f"{charger}: removed\n"
    assert admin.run("site", "remove", "depot") == "depot: removed\n"
    assert admin.stored() == ({}, {})
