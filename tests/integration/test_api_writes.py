"""Sites, levels, chargers and their keys, changed through the query API on a real broker."""

from __future__ import annotations

import asyncio
import concurrent.futures
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from integration.query_api_support import problem
from integration.writes_support import WRITE_SECONDS, Writes, requests_of, writes
from ocpplog_common.admin import kafka as admin
from ocpplog_common.level_changes import change_level
from ocpplog_common.records import IdTags, LevelName, Site
from ocpplog_common.secrets import verify_password
from ocpplog_common.tokens import Role
from support.broker import IDEMPOTENCE

pytestmark = pytest.mark.integration
_numbers = count(1)
ANY = {"If-Match": "*"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Writes]:
    with writes(tmp_path_factory.mktemp("writes")) as found:
        yield found


@pytest.fixture
def site(api: Writes) -> str:
    name = f"yard-{next(_numbers)}"
    api.do("PUT", f"/v1/sites/{name}", {"name": "Yard"}, 201)
    return name


@pytest.fixture
def charger(api: Writes, site: str) -> str:
    name = f"CP-{next(_numbers)}"
    api.do("PUT", f"/v1/chargers/{name}", {"site_id": site}, 201)
    return name


class TestSites:
    def test_created_read_replaced_and_removed(self, api: Writes) -> None:
        body = {"name": "Büro", "connectivity": "wireless", "upstream": "wss://csms.example/ocpp", "id_tags": "hashed"}
        made = api.do("PUT", "/v1/sites/büro 7", body, 201)
        assert made.json() | body == made.json() | {"site_id": "büro 7", "level": "minimal", "registered": True}
        record = api.stored()[0]["büro 7"]
        assert (record.name, record.upstream, record.id_tags) == ("Büro", "wss://csms.example/ocpp", IdTags.HASHED)
        read = api.do("GET", "/v1/sites/büro 7")
        assert read.headers["etag"] == made.headers["etag"]
        assert read.json() == made.json()
        assert "büro 7" in [found["site_id"] for found in api.do("GET", "/v1/sites").json()]
        changed = api.do("PUT", "/v1/sites/büro 7", {"retention_days": 9}, headers={"If-Match": read.headers["etag"]})
        assert changed.json() | {"name": "", "upstream": "", "retention_days": 9} == changed.json()
        assert changed.headers["etag"] != read.headers["etag"]
        api.do("DELETE", "/v1/sites/büro 7", status=204)
        problem(api.ask("GET", "/v1/sites/büro 7"), 404, "not-found")
        problem(api.ask("DELETE", "/v1/sites/büro 7"), 404, "not-found")
        assert "büro 7" not in api.stored()[0]

    def test_what_is_wrong_is_named(self, api: Writes, site: str) -> None:
        for body, field in (
            ({"upstream": "http://x"}, "upstream"),
            ({"upstream": "wss://user:secret@x/"}, "upstream"),
            ({"upstream_credentials": "../x"}, "upstream_credentials"),
            ({"connectivity": "carrier pigeon"}, "connectivity"),
            ({"retention_days": 0}, "retention_days"),
            ({"level": "debug"}, "level"),
        ):
            answer = api.ask("PUT", f"/v1/sites/{site}", body, headers=ANY)
            assert problem(answer, 422, "invalid-parameter")["errors"][0]["field"] == field
            assert "secret" not in answer.text
        for name in ("x" * 65, "a*b", "%20x", "back%5Cslash"):
            found = problem(api.ask("PUT", f"/v1/sites/{name}", {}), 422, "invalid-parameter")
            assert found["errors"][0]["field"] == "site_id"

    def test_not_removed_while_chargers_belong_to_it(self, api: Writes, site: str, charger: str) -> None:
        problem(api.ask("DELETE", f"/v1/sites/{site}"), 409, "conflict")
        api.do("DELETE", f"/v1/chargers/{charger}", status=204)
        api.do("DELETE", f"/v1/sites/{site}", status=204)

    def test_upstreams_are_for_support(self, api: Writes, site: str) -> None:
        api.do("PUT", f"/v1/sites/{site}", {"upstream": "wss://secret.example/"}, headers=ANY)
        viewer = api.bench.token(Role.ANALYST, (site,))
        seen = api.do("GET", f"/v1/sites/{site}", token=viewer)
        assert seen.json()["upstream"] is None and "secret.example" not in seen.text
        assert "etag" not in seen.headers

    def test_while_the_log_cannot_be_read_they_are_written_all_the_same(self, api: Writes) -> None:
        """An error would say of a change that is made that it is not, and whoever tries again would be told of somebody else."""
        api.bench.store.process.kill()
        try:
            made = api.do("PUT", "/v1/sites/dark", {"name": "Dark"}, 201, headers={"If-None-Match": "*"})
            assert made.json() | {"name": "Dark", "level": "info", "registered": True} == made.json()
            numbers = ("chargers", "chargers_online", "entries_24h", "errors_24h", "last_entry")
            assert [made.json()[number] for number in numbers] == [None] * 5
            tag = {"If-Match": made.headers["etag"]}
            changed = api.do("PUT", "/v1/sites/dark", {"name": "Darker", "upstream": "wss://csms.example/"}, headers=tag)
            assert (changed.json()["name"], changed.json()["upstream"]) == ("Darker", "wss://csms.example/")
        finally:
            api.bench.store.start()
        read = api.do("GET", "/v1/sites/dark")
        assert (read.json()["name"], read.json()["chargers"]) == ("Darker", 0)
        assert read.headers["etag"] == changed.headers["etag"]

    def test_numbers_of_a_site(self, api: Writes) -> None:
        """With entries, and no record."""
        found = api.do("GET", "/v1/sites/theirs").json()
        assert (found["registered"], found["level"], found["connectivity"]) == (False, "info", None)
        assert found["last_entry"] == "2026-11-24T10:00:00.000Z"
        assert found["chargers_online"] == 0


class TestNobodyLosesAChange:
    def test_whoever_replaces_says_what(self, api: Writes, site: str) -> None:
        problem(api.ask("PUT", f"/v1/sites/{site}", {"name": "mine"}), 428, "precondition-required")
        tag = api.do("GET", f"/v1/sites/{site}").headers["etag"]
        api.do("PUT", f"/v1/sites/{site}", {"name": "theirs"}, headers={"If-Match": f"W/{tag}"})
        problem(api.ask("PUT", f"/v1/sites/{site}", {"name": "mine"}, headers={"If-Match": tag}), 412, "changed-meanwhile")
        problem(api.ask("DELETE", f"/v1/sites/{site}", headers={"If-Match": tag}), 412, "changed-meanwhile")
        assert api.do("GET", f"/v1/sites/{site}").json()["name"] == "theirs"

    def test_created_once(self, api: Writes, site: str) -> None:
        only_new = {"If-None-Match": "*"}
        problem(api.ask("PUT", f"/v1/sites/{site}", {}, headers=only_new), 412, "changed-meanwhile")
        problem(api.ask("PUT", f"/v1/sites/{site}-none", {}, headers=ANY), 412, "changed-meanwhile")
        api.do("PUT", f"/v1/sites/{site}-new", {}, 201, headers=only_new)

    def test_of_many_at_once_one_wins(self, api: Writes, site: str) -> None:
        tag = api.do("GET", f"/v1/sites/{site}").headers["etag"]

        def put(number: int) -> int:
            return api.ask("PUT", f"/v1/sites/{site}", {"name": f"{number}"}, headers={"If-Match": tag}).status_code

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(put, range(8))) == [200] + [412] * 7

    def test_changes_of_a_level_at_once_are_all_kept(self, api: Writes, site: str) -> None:
        def put(number: int) -> Any:
            return api.do("PUT", f"/v1/sites/{site}/log-level", {"level": "debug", "reason": f"{number}"})

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(put, range(8)))
        history = api.do("GET", f"/v1/sites/{site}/log-level").json()["history"]
        assert sorted(change["why"] for change in history) == [f"{number}" for number in range(8)]


@pytest.mark.skipif(not IDEMPOTENCE, reason="the embedded broker knows no transactions: one process writes at a time")
async def test_of_two_replicas_neither_loses_a_change(api: Writes, site: str) -> None:
    async def change(who: str) -> None:
        async with admin.open_records(api.kafka) as found:
            for _ in range(5):

                def decide() -> tuple[list[Site], None]:
                    changed = change_level(found.sites[site], None, who=who, why="x", now=datetime.now(UTC))
                    return [changed], None

                await found.writer.change(decide)

    await asyncio.gather(change("one"), change("other"))
    history = api.do("GET", f"/v1/sites/{site}/log-level").json()["history"]
    assert sorted(entry["who"] for entry in history) == ["one"] * 5 + ["other"] * 5


@pytest.mark.skipif(not IDEMPOTENCE, reason="the embedded broker knows no transactions")
@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("overwritten", [True, False])
async def test_a_change_whose_fate_the_broker_did_not_tell_is_made_once(
    api: Writes, site: str, monkeypatch: pytest.MonkeyPatch, committed: bool, overwritten: bool
) -> None:
    commit = AIOKafkaProducer.commit_transaction
    answers = ["UNKNOWN_SERVER_ERROR"]

    async def by(who: str) -> None:
        async with admin.open_records(api.kafka) as found:

            def decide() -> tuple[list[Site], None]:
                return [change_level(found.sites[site], None, who=who, why="x", now=datetime.now(UTC))], None

            await found.writer.change(decide)

    async def answers_badly_once(producer: AIOKafkaProducer) -> None:
        if not answers:
            await commit(producer)
            return
        answers.pop()
        await (commit(producer) if committed else producer.abort_transaction())
        if overwritten:
            await by("other")
        raise KafkaError("Unexpected error during batch delivery")

    monkeypatch.setattr(AIOKafkaProducer, "commit_transaction", answers_badly_once)
    await by("one")
    history = api.do("GET", f"/v1/sites/{site}/log-level").json()["history"]
    assert sorted(entry["who"] for entry in history) == ["one"] + ["other"] * overwritten


@pytest.mark.skipif(not IDEMPOTENCE, reason="the embedded broker coordinates no transactions")
async def test_a_broker_that_names_no_nodes_yet_is_asked_again(api: Writes, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that was frozen, for a moment: aiokafka finds nobody to ask for the coordinator then, and does not expect that."""
    look, answers = AIOKafkaClient.get_random_node, [None, None]
    async with admin.open_records(api.kafka) as found:
        monkeypatch.setattr(AIOKafkaClient, "get_random_node", lambda client: answers.pop() if answers else look(client))
        await found.writer.change(lambda: ([msgspec.structs.replace(found.sites[site], name="thawed")], None))
    assert not answers
    assert api.do("GET", f"/v1/sites/{site}").json()["name"] == "thawed"


class TestLevels:
    def test_changed_for_a_shorter_time_within_a_longer_one(self, api: Writes, site: str) -> None:
        path = f"/v1/sites/{site}/log-level"
        longer = api.do("PUT", path, {"level": "debug", "until": "+3h", "reason": "x"}).json()
        shorter = api.do("PUT", path, {"level": "minimal", "until": "+2s", "reason": "x"}).json()
        assert (shorter["level"], shorter["after"]) == ("minimal", "debug")
        deadline = time.monotonic() + 20
        while (found := api.do("GET", path).json())["level"] != "debug":
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert (found["until"], found["after"]) == (longer["until"], "info")
        assert api.do("GET", f"/v1/sites/{site}").json()["level_until"] == longer["until"]

    def test_changed_for_a_time(self, api: Writes, site: str) -> None:
        before = datetime.now(UTC)
        body = {"level": "debug", "until": "+2h", "reason": "connector 2 fails to lock"}
        found = api.do("PUT", f"/v1/sites/{site}/log-level", body).json()
        assert (found["level"], found["default_level"], found["after"]) == ("debug", "info", "info")
        ends = datetime.fromisoformat(found["until"])
        assert (
            before + timedelta(hours=2) <= ends + timedelta(milliseconds=1) <= datetime.now(UTC) + timedelta(hours=2, seconds=1)
        )
        [change] = found["history"]
        assert (change["who"], change["before"], change["after"], change["why"]) == (
            "tester",
            "info",
            "debug",
            "connector 2 fails to lock",
        )
        viewer = api.bench.token(Role.VIEWER, (site,))
        assert api.do("GET", f"/v1/sites/{site}/log-level", token=viewer).json() == found
        assert api.stored()[0][site].level_at(datetime.now(UTC)).name == "DEBUG"
        assert api.stored()[0][site].level_at(ends + timedelta(milliseconds=1)).name == "INFO"
        api.do("PUT", f"/v1/sites/{site}", {"name": "New name"}, headers=ANY)
        assert api.do("GET", f"/v1/sites/{site}/log-level").json() == found
        back = api.do("PUT", f"/v1/sites/{site}/log-level", {"level": None, "reason": "found"}).json()
        assert (back["level"], back["until"], back["after"], len(back["history"])) == ("info", None, None, 2)

    def test_what_is_wrong_is_named(self, api: Writes, site: str) -> None:
        for changed, field in (
            ({"level": "loud"}, "level"),
            ({"until": "tomorrow"}, "until"),
            ({"until": "2036-01-01T00:00"}, "until"),
            ({"until": "2020-01-01T00:00Z"}, "until"),
            ({"until": "+0s"}, "until"),
            ({"reason": ""}, "reason"),
            ({"reason": " "}, "reason"),
        ):
            body = {"level": "debug", "reason": "x"} | changed
            found = problem(api.ask("PUT", f"/v1/sites/{site}/log-level", body), 422, "invalid-parameter")
            assert found["errors"][0]["field"] == field
        assert api.stored()[0][site].level is None

    def test_of_a_site_that_is_not_registered(self, api: Writes) -> None:
        found = api.do("GET", "/v1/sites/theirs/log-level").json()
        assert (found["level"], found["history"]) == ("info", [])
        body = {"level": "debug", "reason": "x"}
        problem(api.ask("PUT", "/v1/sites/theirs/log-level", body), 404, "not-found")
        problem(api.ask("GET", "/v1/sites/nowhere/log-level"), 404, "not-found")
        assert api.stored()[0].get(LevelName.DEBUG) is None


class TestChargers:
    def test_a_key_is_shown_once_and_opens_the_door(self, api: Writes, site: str) -> None:
        made = api.do("PUT", "/v1/chargers/CP-keys", {"site_id": site, "new_key": True, "min_profile": 2}, 201)
        key = made.json()["key"]
        assert re.fullmatch(r"[0-9a-f]{40}", key) and made.headers["cache-control"] == "no-store"
        stored = api.stored()[1]["CP-keys"]
        assert verify_password(key.encode(), stored.password_hash) and stored.min_profile == 2
        record = api.do("GET", "/v1/chargers/CP-keys/record")
        assert record.json() == made.json() | {"key": None}
        for shown in (record, api.do("GET", "/v1/chargers/CP-keys"), api.do("GET", "/v1/chargers")):
            assert key not in shown.text and stored.password_hash not in shown.text and "hmac" not in shown.text
        api.do("PUT", "/v1/chargers/CP-keys", {"site_id": site, "user_name": "me"}, headers={"If-Match": record.headers["etag"]})
        assert api.stored()[1]["CP-keys"].password_hash == stored.password_hash
        rotated = api.do("POST", "/v1/chargers/CP-keys/key")
        assert rotated.headers["cache-control"] == "no-store" and rotated.json()["charger_id"] == "CP-keys"
        now = api.stored()[1]["CP-keys"]
        assert verify_password(rotated.json()["key"].encode(), now.password_hash)
        assert not verify_password(key.encode(), now.password_hash)
        assert now.user_name == "me"

    def test_no_secret_is_logged(self, api: Writes, site: str, charger: str) -> None:
        token = api.support("*")
        made = api.do("PUT", f"/v1/chargers/{charger}", {"site_id": site, "new_key": True}, token=token, headers=ANY).json()
        rotated = api.do("POST", f"/v1/chargers/{charger}/key", token=token).json()
        api.ask("PUT", f"/v1/sites/{site}", {"upstream": "wss://user:pa55word@x/"}, token, ANY)
        api.ask("GET", f"/v1/chargers?q=searched-for&cursor={rotated['key']}", token=token)
        log = api.bench.log.read_text()
        assert f"/v1/chargers/{charger}/key" in log
        for secret in (made["key"], rotated["key"], api.stored()[1][charger].password_hash, token, "pa55word", "searched-for"):
            assert secret not in log

    def test_replaced_and_removed(self, api: Writes, charger: str, site: str) -> None:
        path = f"/v1/chargers/{charger}"
        assert api.do("GET", path).json()["registered"]
        problem(api.ask("PUT", path, {"site_id": site}), 428, "precondition-required")
        stale = {"If-Match": '"0"'}
        for method, of in (("PUT", path), ("DELETE", path), ("POST", f"{path}/key")):
            body = {"site_id": site} if method == "PUT" else None
            problem(api.ask(method, of, body, headers=stale), 412, "changed-meanwhile")
        api.do("DELETE", path, status=204)
        for method, of in (("DELETE", path), ("POST", f"{path}/key"), ("GET", f"{path}/record"), ("GET", path)):
            problem(api.ask(method, of), 404, "not-found")

    def test_what_is_wrong_is_named(self, api: Writes, site: str) -> None:
        for name, body, field in (
            ("CP-x", {"site_id": "nowhere"}, "site_id"),
            ("CP-x", {}, "site_id"),
            ("CP-x", {"site_id": site, "min_profile": 4}, "min_profile"),
            ("CP-x", {"site_id": site, "password_hash": "x"}, "password_hash"),
            ("CP-x", {"site_id": site, "upstream": "nowhere"}, "upstream"),
            ("x" * 49, {"site_id": site}, "charger_id"),
            ("CP%2Fx", {"site_id": site}, None),
            ("CP%23", {"site_id": site}, "charger_id"),
        ):
            answer = api.ask("PUT", f"/v1/chargers/{name}", body)
            if field:
                assert problem(answer, 422, "invalid-parameter")["errors"][0]["field"] == field
            else:
                problem(answer, 404, "not-found")
        assert "CP-x" not in api.stored()[1]


class TestWhoMay:
    """Role support only; and of its sites."""

    def test_not_viewers_and_analysts(self, api: Writes, site: str, charger: str) -> None:
        before = api.stored()
        for role in (Role.VIEWER, Role.ANALYST):
            token = api.bench.token(role)
            for method, path, body in requests_of(site, charger):
                problem(api.ask(method, path, body, token, ANY), 403, "forbidden")
        assert api.stored() == before

    def test_not_of_other_sites(self, api: Writes, site: str, charger: str) -> None:
        """The answers are those for what does not exist."""
        before = api.stored()
        token = api.support("elsewhere")
        for there, none in zip(requests_of(site, charger), requests_of("nowhere", "CP-nowhere"), strict=True):
            answers = [api.ask(method, path, body, token) for method, path, body in (there, none)]
            if there[1] == f"/v1/chargers/{charger}" and there[0] == "PUT":
                # Its body names a site that it may not see.
                assert [answer.status_code for answer in answers] == [422, 422]
                continue
            assert answers[0].status_code == answers[1].status_code in (403, 404)
            assert answers[0].text.replace(site, "").replace(charger, "") == answers[1].text
        assert api.stored() == before

    def test_a_charger_cannot_be_pulled_to_ones_own_site(self, api: Writes, site: str, charger: str) -> None:
        api.do("PUT", "/v1/sites/own", {}, headers={"If-None-Match": "*"}, status=201)
        taken = problem(api.ask("PUT", f"/v1/chargers/{charger}", {"site_id": "own"}, api.support("own"), ANY), 409, "conflict")
        assert site not in str(taken)
        both = api.support("own", site)
        api.do("PUT", f"/v1/chargers/{charger}", {"site_id": "own"}, token=both, headers=ANY)
        assert api.stored()[1][charger].site_id == "own"


def test_while_kafka_is_silent_the_answer_is_503(api: Writes, site: str) -> None:
    """Whether it was written cannot be known where it was on its way; reads go on."""
    api.broker.freeze()
    try:
        answer = api.ask("PUT", f"/v1/sites/{site}/log-level", {"level": "debug", "reason": "x"})
        assert answer.status_code == 503 and answer.headers["retry-after"]
        assert answer.json()["type"].rpartition(":")[2] in ("not-written", "maybe-written")
        assert answer.elapsed.total_seconds() < WRITE_SECONDS * 2 + 5
        assert api.do("GET", "/v1/logs").json()["items"]
        assert api.do("GET", f"/v1/sites/{site}").json()["registered"]
    finally:
        api.broker.thaw()
    api.do("PUT", f"/v1/sites/{site}/log-level", {"level": "minimal", "reason": "again"})
    assert api.stored()[0][site].level is LevelName.MINIMAL
