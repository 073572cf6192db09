"""Following the log as it grows."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route, expect

from browser.conftest import Dashboard, eventually, in_thread, until
from ocpplog_local.demo.scripted import ScriptedChargePoint


def heartbeats(dashboard: Dashboard, charger_id: str, count: int = 1) -> None:
    async def send() -> None:
        async with ScriptedChargePoint.connect(dashboard.run.gateway, charger_id) as point:
            await point.boot()
            for _ in range(count):
                await point.heartbeat()

    in_thread(send())


def stored(dashboard: Dashboard, charger_id: str, count: int) -> None:
    with dashboard.run.api() as api:
        eventually(lambda: api.get("/v1/logs", params={"charger": charger_id, "count": "true"}).json()["total"] == count)


def rows(page: Page) -> int:
    return int(page.locator(".row[data-id]").count())


def test_new_entries_appear_at_the_top(dashboard: Dashboard) -> None:
    page = dashboard.open("/?charger=LIVE-1&live=1")
    heartbeats(dashboard, "LIVE-1")
    page.locator(".row[data-id]").first.wait_for()
    expect(page.get_by_role("button", name="Live", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".row[data-id]")).to_have_count(2)
    heartbeats(dashboard, "LIVE-1", 3)
    expect(page.locator(".row[data-id]")).to_have_count(6, timeout=30_000)
    times = page.locator(".row[data-id] time").evaluate_all("(all) => all.map((one) => one.dateTime)")
    assert times == sorted(times, reverse=True)
    assert len(set(page.locator(".row[data-id]").evaluate_all("(all) => all.map((one) => one.dataset.id)"))) == 6


def test_paused_they_wait_and_are_counted(dashboard: Dashboard) -> None:
    heartbeats(dashboard, "LIVE-2")
    stored(dashboard, "LIVE-2", 2)
    page = dashboard.log("charger=LIVE-2")
    page.keyboard.press("l")
    assert "live=1" in dashboard.query()
    page.locator(".button.live.on").wait_for()
    before = 2
    page.get_by_role("button", name="Pause").click()
    heartbeats(dashboard, "LIVE-2", 11)
    pill = page.get_by_role("button", name="12 new")
    expect(pill).to_be_visible(timeout=30_000)
    assert rows(page) == before
    page.keyboard.press("p")
    expect(page.locator(".row[data-id]")).to_have_count(before + 12)
    page.keyboard.press("l")
    assert "live" not in dashboard.query()


def test_whoever_reads_further_down_is_not_disturbed(dashboard: Dashboard) -> None:
    heartbeats(dashboard, "LIVE-3", 60)
    stored(dashboard, "LIVE-3", 61)
    page = dashboard.log("charger=LIVE-3&live=1")
    page.locator(".button.live.on").wait_for()
    page.locator(".table").evaluate("(element) => element.scrollTo(0, 600)")
    expect(page.locator(".row[data-id]").first).not_to_have_attribute("aria-rowindex", "2")
    first = page.locator(".row[data-id]").nth(20).get_attribute("data-id")
    heartbeats(dashboard, "LIVE-3", 2)
    pill = page.get_by_role("button", name=re.compile(r"^3 new"))
    expect(pill).to_be_visible(timeout=30_000)
    assert page.locator(".row[data-id]").nth(20).get_attribute("data-id") == first
    pill.click()
    expect(page.locator(".row[aria-rowindex='2']")).to_be_in_viewport()


def test_a_stream_that_breaks_is_resumed_after_its_last_event(dashboard: Dashboard) -> None:
    page, asked = dashboard.page, []
    with dashboard.run.api() as api:
        entry = api.get("/v1/logs", params={"limit": 1}).text.partition('"items":[')[2].rpartition("],")[0]

    def tail(route: Route) -> None:
        asked.append(route.request.headers.get("last-event-id"))
        assert route.request.headers["authorization"].startswith("Bearer ")
        assert "token" not in route.request.url
        body = f"event: entry\nid: here-{len(asked)}\ndata: {entry}\n\n"
        route.fulfill(content_type="text/event-stream", body=body)

    page.route("**/v1/logs/tail*", tail)
    dashboard.log("live=1")
    until(page, lambda: len(asked) >= 3)
    assert asked[:3] == [None, "here-1", "here-2"]


def test_what_came_too_fast_is_said(dashboard: Dashboard) -> None:
    page = dashboard.page
    body = 'event: missed\nid: m\ndata: {"missed": 7, "from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:01Z"}\n\n'
    page.route("**/v1/logs/tail*", lambda route: route.fulfill(content_type="text/event-stream", body=body))
    dashboard.log("live=1")
    expect(page.get_by_role("button", name=re.compile("entries came too fast to show"))).to_be_visible()


def test_following_that_is_refused_says_so(dashboard: Dashboard) -> None:
    dashboard.expected.append("403")
    page = dashboard.page
    body = {"type": "urn:ocpplog:problem:forbidden", "title": "", "status": 403, "detail": ""}
    page.route("**/v1/logs/tail*", lambda route: route.fulfill(status=403, json=body))
    dashboard.log("live=1")
    expect(page.get_by_text("Following is not possible: Your role does not allow this")).to_be_visible()
