"""The overview, sessions, and levels of sites."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from browser.conftest import Dashboard, Open, accessible, eventually
from browser.test_looks import WIDTHS, no_sideways_scrolling


class TestOverview:
    def test_the_fleet_by_state_leads_to_those_chargers(self, dashboard: Dashboard) -> None:
        page = dashboard.open("/overview")
        figures = page.get_by_role("region", name=re.compile("Chargers, .* sites"))
        expect(figures).to_contain_text(re.compile(r"\d+Online"))
        figures.get_by_role("link", name=re.compile("Online")).click()
        expect(page.get_by_role("link", name="LAB-01")).to_be_visible()
        assert "online=true" in dashboard.query()

    def test_entries_errors_slowest_and_sites(self, dashboard: Dashboard) -> None:
        page = dashboard.open("/overview")
        bars = page.get_by_role("img", name=re.compile(r"Entries in the last 24 hours: [1-9]"))
        expect(bars.locator("rect.fill-good")).not_to_have_count(0)
        expect(page.get_by_role("region", name="Sites", exact=True)).to_contain_text("Test lab")
        slowest = page.get_by_role("region", name="Slowest exchanges")
        name = slowest.get_by_role("link").first.inner_text()
        slowest.get_by_role("link").first.click()
        expect(page.get_by_role("complementary").get_by_role("heading", name=name)).to_be_visible()

    def test_errors_and_chargers_that_went_silent(self, dashboard: Dashboard) -> None:
        page = dashboard.page
        silent = {"charger_id": "GONE-01", "site_id": "test-lab", "last_seen": "2026-01-01T00:00:00.000Z", "usual_gap_s": 300.0}
        error = {"error_code": "GroundFailure", "vendor_error_code": "E7", "count": 12, "chargers": 2}
        self._with(page, silent=[silent], top_errors=[error])
        dashboard.open("/overview")
        expect(page.get_by_role("region", name="Top errors")).to_contain_text("12 × at 2 chargers")
        listed = page.get_by_role("region", name="Chargers that went silent")
        expect(listed).to_contain_text("usually at least every 5 min")
        expect(listed.get_by_role("link", name="GONE-01")).to_have_attribute("href", "/chargers/GONE-01?site=test-lab")
        page.get_by_role("link", name="GroundFailure · E7").click()
        expect(page.get_by_text("No entry matches")).to_be_visible()
        assert "error_code=GroundFailure" in dashboard.query()

    def test_it_refreshes_by_itself_and_says_when_it_cannot(self, dashboard: Dashboard) -> None:
        dashboard.expected.append("503")
        page = dashboard.page
        page.clock.install()
        dashboard.open("/overview")
        expect(page.get_by_text(re.compile("^Updated"))).to_be_visible()
        with page.expect_response(re.compile("/v1/overview")):
            page.clock.run_for(16_000)
        page.route(
            re.compile("/v1/overview"), lambda route: route.fulfill(status=503, json={"type": "", "title": "", "status": 503})
        )
        page.clock.run_for(16_000)
        expect(page.get_by_role("alert")).to_contain_text("The last refresh failed")
        expect(page.get_by_role("region", name="Entries per hour")).to_be_visible()

    def test_one_site_alone(self, dashboard: Dashboard) -> None:
        page = dashboard.open("/overview")
        with page.expect_response(re.compile(r"/v1/overview\?site=test-lab")):
            page.get_by_role("combobox", name=re.compile("^Site")).select_option("test-lab")
        assert "site=test-lab" in dashboard.query()

    @staticmethod
    def _with(page: Page, **changes: Any) -> None:
        def answer(route: Route) -> None:
            found = route.fetch()
            route.fulfill(response=found, json={**found.json(), **changes})

        page.route(re.compile("/v1/overview"), answer)


@pytest.fixture(scope="module")
def session(run: Any) -> dict[str, Any]:
    """An ended session with a curve."""
    found: list[dict[str, Any]] = []

    def ended() -> bool:
        with run.api() as api:
            items = api.get("/v1/sessions", params={"site": "test-lab", "open": "false", "limit": 20}).json()["items"]
            found[:] = [item for item in items if item["max_power_w"] and item["transaction_id"]]
        return bool(found)

    eventually(ended, timeout=180)
    return found[0]


class TestSessions:
    def test_the_list_is_narrowed_and_opens_one(self, dashboard: Dashboard, session: dict[str, Any]) -> None:
        page = dashboard.open("/sessions")
        page.get_by_label("Charger").fill(session["charger_id"])
        page.get_by_label("Transaction").fill(session["transaction_id"])
        rows = page.get_by_role("table").get_by_role("row").filter(has_text=session["charger_id"])
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("Ended")
        expect(rows).to_contain_text("kWh")
        page.keyboard.press("Escape")
        rows.get_by_role("link").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(session["transaction_id"])

    def test_one_session_has_its_figures_and_its_curve(self, dashboard: Dashboard, session: dict[str, Any]) -> None:
        page = dashboard.open(f"/sessions/{session['id']}")
        about = page.get_by_role("region", name=f"Session {session['transaction_id']}")
        for text in ("Peak power", "Energy", "Duration", session["charger_id"]):
            expect(about).to_contain_text(text)
        expect(page.get_by_role("figure", name=re.compile("^Power over time: .* kW"))).to_be_visible()
        expect(page.locator(".chart canvas").first).to_be_visible()
        page.get_by_text("Values as a table").click()
        expect(page.get_by_role("columnheader", name=re.compile(r"^Power.*\(kW\)")).first).to_be_visible()
        expect(page.locator(".scroll tbody tr")).not_to_have_count(0)

    def test_phases_have_lines_of_their_own(self, dashboard: Dashboard, session: dict[str, Any]) -> None:
        page = dashboard.page
        points = [
            {
                "at": f"2026-01-01T00:00:0{second}.000Z",
                "power_w": 7000 + second,
                **{
                    f"{name}_l{phase}_{unit}": phase * second
                    for name, unit in (("power", "w"), ("current", "a"), ("voltage", "v"))
                    for phase in (1, 2, 3)
                },
                "energy_wh": 1000 + second,
            }
            for second in range(5)
        ]

        def answer(route: Route) -> None:
            found = route.fetch()
            route.fulfill(response=found, json={**found.json(), "curve": {"points": points, "every_s": 60}})

        page.route(re.compile(r"/v1/sessions/"), answer)
        dashboard.open(f"/sessions/{session['id']}")
        for name in ("Power", "Current", "Voltage"):
            legend = page.get_by_role("figure", name=re.compile(f"^{name} over time")).locator(".u-legend")
            for phase in ("L1", "L2", "L3"):
                expect(legend).to_contain_text(phase)
        expect(page.get_by_role("figure", name="Energy over time: 0 kWh to 0 kWh")).to_be_visible()
        expect(page.get_by_text("Averaged over 1 min")).to_be_visible()

    def test_one_without_meter_values_says_why(self, dashboard: Dashboard, session: dict[str, Any]) -> None:
        page = dashboard.page

        def answer(route: Route) -> None:
            found = route.fetch()
            route.fulfill(response=found, json={**found.json(), "curve": {"points": [], "every_s": None}})

        page.route(re.compile(r"/v1/sessions/"), answer)
        dashboard.open(f"/sessions/{session['id']}")
        expect(page.get_by_text("No meter values of this session are in the log")).to_be_visible()
        page.get_by_role("link", name="See the site's level").click()
        expect(page.get_by_role("region", name="Log level")).to_be_visible()

    def test_its_log(self, dashboard: Dashboard, session: dict[str, Any]) -> None:
        page = dashboard.open(f"/sessions/{session['id']}")
        page.get_by_role("link", name="Open its log").click()
        page.locator(".row[data-id]").first.wait_for()
        assert f"transaction_id={session['transaction_id']}" in dashboard.query()

    def test_nothing_found(self, dashboard: Dashboard) -> None:
        page = dashboard.open("/sessions?charger=nobody")
        expect(page.get_by_text("No session matches")).to_be_visible()


class TestLevels:
    def test_everyone_sees_levels_and_reads_whom_to_ask(self, opened: Open) -> None:
        dashboard = opened()
        page = dashboard.open("/sites", role="viewer")
        rows = page.get_by_role("table").get_by_role("row")
        expect(rows.nth(1)).to_contain_text(re.compile("minimal|info|debug"))
        page.locator(".row-link").first.click()
        expect(page.get_by_role("region", name="Log level")).to_contain_text(re.compile("minimal|info|debug"))
        ask = page.get_by_role("region", name="Who can change it")
        expect(ask).to_contain_text("Only the support team")
        expect(page.get_by_role("button", name="Set the level")).to_have_count(0)
        ask.get_by_role("button", name="Copy a request to send").click()
        expect(page.get_by_text("Copied")).to_be_visible()
        assert "Please set the log level of site test-lab" in page.evaluate("navigator.clipboard.readText()")

    def test_support_changes_it_with_expiry_and_reason(self, dashboard: Dashboard) -> None:
        page = dashboard.open("/sites/harbour-depot")
        form = page.get_by_role("region", name="Change the level")
        form.get_by_role("radio", name="debug").check()
        form.get_by_role("radio", name="1 hour").check()
        expect(form.get_by_role("button", name="Set the level")).to_be_disabled()
        form.get_by_label("Reason", exact=True).fill("TICKET-1 <b>")
        with page.expect_request(lambda request: request.method == "PUT") as sent:
            page.keyboard.press("Enter")
        assert sent.value.post_data_json == {"level": "debug", "until": "+1h", "reason": "TICKET-1 <b>"}
        expect(page.get_by_role("status").filter(has_text="harbour-depot logs at level debug now.")).to_be_visible()
        level = page.get_by_role("region", name="Log level")
        expect(level).to_contain_text("debug")
        expect(level).to_contain_text("Until")
        history = page.get_by_role("region", name="Changes")
        expect(history).to_contain_text("TICKET-1 <b>")
        expect(history).to_contain_text("local-support")
        form.get_by_role("radio", name=re.compile("Default")).check()
        form.get_by_label("Reason", exact=True).fill("done")
        with page.expect_request(lambda request: request.method == "PUT") as sent:
            form.get_by_role("button", name="Set the level").click()
        assert sent.value.post_data_json == {"level": None, "until": None, "reason": "done"}
        expect(history).to_contain_text("done")

    def test_a_moment_of_ones_own_has_to_be_ahead(self, dashboard: Dashboard) -> None:
        page = dashboard.open("/sites/harbour-depot")
        form = page.get_by_role("region", name="Change the level")
        form.get_by_role("radio", name="debug").check()
        form.get_by_role("radio", name="Until …").check()
        form.get_by_label("Reason", exact=True).fill("why")
        expect(form.get_by_role("button", name="Set the level")).to_be_disabled()
        form.get_by_label("Until", exact=True).fill("2020-01-01T10:00")
        expect(form.get_by_role("alert")).to_have_text("That is over already.")
        form.get_by_label("Until", exact=True).fill("2099-01-01T10:00")
        expect(form.get_by_role("button", name="Set the level")).to_be_enabled()

    def test_a_change_that_fails_says_why_and_keeps_what_was_written(self, dashboard: Dashboard) -> None:
        dashboard.expected.append("503")
        page = dashboard.open("/sites/harbour-depot")
        form = page.get_by_role("region", name="Change the level")
        form.get_by_label("Reason", exact=True).fill("why")
        problem = {"type": "urn:ocpplog:problem:unavailable", "title": "Kafka does not answer", "status": 503, "detail": ""}
        page.route(re.compile("/log-level$"), lambda route: route.fulfill(status=503, json=problem))
        form.get_by_role("button", name="Set the level").click()
        expect(form.get_by_role("alert")).to_contain_text("Kafka does not answer")
        expect(form.get_by_label("Reason", exact=True)).to_have_value("why")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_is_clean_in_every_view(opened: Open, session: dict[str, Any], width: int, theme: Any) -> None:
    dashboard = opened(width=width, color_scheme=theme, reduced_motion="reduce")
    ready = {
        "/overview": ".figures",
        "/chargers": ".row-link",
        "/chargers/LAB-02?from=-1h": ".happening",
        "/sessions": ".row-link",
        f"/sessions/{session['id']}": ".chart canvas",
        "/sites": ".row-link",
        "/sites/test-lab": ".level-form",
    }
    for path, there in ready.items():
        page = dashboard.open(path)
        page.locator(there).first.wait_for()
        page.wait_for_load_state("networkidle")
        assert accessible(page) == [], path
        no_sideways_scrolling(page)


def test_many_error_codes_are_all_in_sight_on_a_phone(opened: Open) -> None:
    codes = ["ConnectorLockFailure", "GroundFailure", "OverCurrentFailure", "PowerMeterFailure"]
    values = [{"value": code, "count": 10_000} for code in codes]
    dashboard = opened(width=min(WIDTHS))
    dashboard.page.route(
        re.compile("/v1/logs/facets.*error_code"),
        lambda route: route.fulfill(json={"facets": [{"field": "error_code", "values": values}]}),
    )
    page = dashboard.open("/chargers/LAB-02?from=-1h")
    page.locator(".stacks").wait_for()
    for code in codes:
        expect(page.locator(".stacks .legend-item", has_text=code)).to_be_visible()
    overflowing = page.evaluate(
        "[...document.querySelectorAll('.stacks .legend')].map((one) => one.scrollWidth - one.clientWidth)"
    )
    assert overflowing == [0]
    assert accessible(page) == []
    no_sideways_scrolling(page)


@pytest.mark.parametrize(
    ("locale", "names"),
    [
        ("de-DE", ("Übersicht", "Ladestationen", "Ladevorgänge", "Standorte und Stufen")),
        ("fr-FR", ("Aperçu", "Bornes", "Sessions", "Sites et niveaux")),
    ],
)
def test_the_views_speak_the_readers_language(opened: Open, locale: str, names: tuple[str, ...]) -> None:
    dashboard = opened(locale=locale)
    for path, name in zip(("/overview", "/chargers", "/sessions", "/sites"), names, strict=True):
        page = dashboard.open(path)
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        assert page.title().endswith(" · ocpplog")
        assert not page.title().startswith(("Overview", "Chargers"))
