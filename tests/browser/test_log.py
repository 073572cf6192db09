"""The log view: searching, filtering, choosing a time, reading on, and sharing what one sees."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import BULK, Dashboard, Open, until


def actions(page: Page) -> set[str]:
    return set(page.locator(".row[data-id] .action").all_inner_texts())


def cells(page: Page, column: str) -> list[str]:
    """The text of a column, of the rows in sight."""
    heads = page.get_by_role("columnheader").all_inner_texts()
    index = [head.strip() for head in heads].index(column)
    return [row.locator("[role=gridcell]").nth(index).inner_text() for row in page.locator(".row[data-id]").all()]


def settled(page: Page) -> None:
    expect(page.get_by_role("grid")).to_have_attribute("aria-busy", "false")


class TestSearch:
    def test_terms_become_chips_and_all_must_match(self, dashboard: Dashboard) -> None:
        page = dashboard.log()
        page.keyboard.press("/")
        box = page.get_by_role("combobox")
        expect(box).to_be_focused()
        box.type("lab-0")
        page.keyboard.press("Enter")
        box.type("-Heartbeat")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Remove lab-0")).to_be_visible()
        expect(page.get_by_role("button", name="Remove not Heartbeat")).to_be_visible()
        assert dashboard.query() == "?q=lab-0+-Heartbeat"
        page.get_by_role("button", name="Remove lab-0").click()
        assert dashboard.query() == "?q=-Heartbeat"
        page.get_by_role("button", name="Clear all").click()
        assert dashboard.query() == ""

    def test_a_filter_can_be_typed(self, dashboard: Dashboard) -> None:
        page = dashboard.log()
        page.get_by_role("combobox").fill("action:MeterValues")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Remove Action MeterValues")).to_be_visible()
        settled(page)
        assert actions(page) == {"MeterValues"}

    def test_suggestions_offer_values_of_the_log(self, dashboard: Dashboard) -> None:
        page = dashboard.log()
        box = page.get_by_role("combobox")
        box.click()
        box.type("meterv")
        option = page.get_by_role("option", name=re.compile("Action MeterValues"))
        expect(option).to_be_visible()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        expect(option).to_have_attribute("aria-selected", "true")
        page.keyboard.press("Enter")
        assert dashboard.query() == "?action=MeterValues"
        settled(page)
        assert actions(page) == {"MeterValues"}

    @pytest.mark.parametrize(
        ("typed", "option", "query"),
        [("faul", "Status Faulted", "?status=Faulted"), ("lab-0", "Charger LAB-03", "?charger=LAB-03")],
    )
    def test_suggestions_are_statuses_and_chargers_too(self, dashboard: Dashboard, typed: str, option: str, query: str) -> None:
        page = dashboard.log()
        page.get_by_role("combobox").click()
        page.get_by_role("combobox").type(typed)
        page.get_by_role("option", name=re.compile(option)).click()
        assert dashboard.query() == query

    def test_backspace_takes_out_the_last(self, dashboard: Dashboard) -> None:
        page = dashboard.log("q=lab&action=MeterValues")
        page.get_by_role("combobox").press("Backspace")
        assert dashboard.query() == "?action=MeterValues"
        page.get_by_role("combobox").press("Backspace")
        assert dashboard.query() == ""


class TestFilters:
    def test_several_values_with_counts(self, dashboard: Dashboard) -> None:
        page = dashboard.log()
        page.get_by_role("button", name="Action", exact=True).click()
        panel = page.get_by_role("dialog", name="Action")
        expect(panel.locator(".count").first).to_have_text(re.compile(r"^[\d,]+$"))
        panel.get_by_role("checkbox", name=re.compile("^StatusNotification")).check()
        panel.get_by_role("checkbox", name=re.compile("^MeterValues")).check()
        assert dashboard.query() == "?action=StatusNotification&action=MeterValues"
        page.keyboard.press("Escape")
        expect(page.get_by_role("button", name="Action: 2")).to_be_focused()
        settled(page)
        assert actions(page) == {"StatusNotification", "MeterValues"}

    def test_a_value_that_is_not_listed(self, dashboard: Dashboard) -> None:
        page = dashboard.log()
        page.get_by_role("button", name="Charger", exact=True).click()
        page.get_by_role("searchbox", name="Find in Charger").fill("NOWHERE-9")
        page.keyboard.press("Enter")
        expect(page.get_by_text("No entry matches")).to_be_visible()
        assert dashboard.query() == "?charger=NOWHERE-9"

    @pytest.mark.parametrize(
        ("query", "column", "expected"),
        [
            ("site=test-lab", "Site", {"test-lab"}),
            ("charger=LAB-01&charger=LAB-02", "Charger", {"LAB-01", "LAB-02"}),
            ("connector=1", "Connector", {"1"}),
            ("status=Charging", "Status", {"Charging"}),
            ("source=csms", "Sent by", {"Central system"}),
        ],
    )
    def test_filters_of_the_address(self, dashboard: Dashboard, query: str, column: str, expected: set[str]) -> None:
        page = dashboard.log(query)
        assert {cell.strip() for cell in cells(page, column)} <= expected

    def test_who_may_see_one_site_sees_one_site(self, dashboard: Dashboard) -> None:
        page = dashboard.log(role="viewer")
        assert set(cells(page, "Site")) == {"test-lab"}
        page.get_by_role("button", name="Site", exact=True).click()
        expect(page.get_by_role("checkbox")).to_have_count(1)


class TestTime:
    def test_quick_ranges_and_one_of_ones_own(self, dashboard: Dashboard) -> None:
        page = dashboard.log()
        page.get_by_role("button", name=re.compile("Time range")).click()
        page.get_by_role("button", name="Last hour").click()
        assert dashboard.query() == "?from=-1h"
        page.get_by_role("button", name="Time range: Last hour").click()
        page.get_by_label("From", exact=True).fill("2020-01-01T10:00:00")
        page.get_by_label("To", exact=True).fill("2020-01-01T09:00:00")
        expect(page.get_by_text("The end is before the beginning.")).to_be_visible()
        page.get_by_label("To", exact=True).fill("2020-01-01T12:30:00")
        page.get_by_role("button", name="Apply").click()
        assert dashboard.query() == "?from=2020-01-01T10:00:00.000Z&to=2020-01-01T12:30:00.000Z"
        expect(page.get_by_text("No entry matches")).to_be_visible()
        page.get_by_role("button", name="Search all time").click()
        expect(page.locator(".row[data-id]").first).to_be_visible()
        assert dashboard.query() == "?from=all"

    def test_dragging_over_the_histogram_chooses_a_range(self, dashboard: Dashboard) -> None:
        page = dashboard.log("from=-1h")
        bars = page.locator("svg.bars")
        box = bars.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + 20, steps=5)
        expect(page.locator("rect.brush")).to_be_visible()
        page.mouse.up()
        assert re.fullmatch(r"\?from=[\d-]+T[\d:.]+Z&to=[\d-]+T[\d:.]+Z", dashboard.query())

    def test_the_histogram_counts_by_outcome_and_filters_by_it(self, dashboard: Dashboard) -> None:
        page = dashboard.log()
        page.locator(".legend-item", has_text="Not OCPP").click()
        assert dashboard.query() == "?outcome=violation"
        settled(page)
        assert actions(page) == {"Not OCPP"}

    def test_utc_or_local_absolute_or_relative(self, opened: Open) -> None:
        dashboard = opened(timezone_id="Asia/Tokyo")
        page = dashboard.log("from=all&charger=BULK-1")
        shown = page.locator(".row[data-id] time").first
        local = shown.inner_text()
        page.get_by_role("button", name="Settings").click()
        page.get_by_role("radio", name="UTC").check()
        expect(shown).not_to_have_text(local)
        assert local[-9:-4] == shown.inner_text()[-9:-4], "minutes of an hour are those of UTC in Tokyo"
        page.get_by_role("radio", name="How long ago").check()
        expect(shown).to_have_text("3 days ago")


class TestTable:
    def test_scrolls_through_a_hundred_thousand_rows_by_pages(self, dashboard: Dashboard) -> None:
        page = dashboard.log("from=all&charger=BULK-1")
        expect(page.locator(".total")).to_have_text(re.compile(r"100,000\+? entries"))
        table = page.locator(".table")
        grid = page.get_by_role("grid")

        def height() -> int:
            return int(table.evaluate("(element) => element.scrollHeight"))

        def complete() -> bool:
            return bool(grid.get_attribute("aria-rowcount") != "-1")

        while not complete():
            before = height()
            table.evaluate("(element) => element.scrollTo(0, element.scrollHeight)")
            until(page, lambda before=before: complete() or height() > before)  # type: ignore[misc]
        table.evaluate("(element) => element.scrollTo(0, element.scrollHeight)")
        assert page.get_by_role("grid").get_attribute("aria-rowcount") == str(BULK + 1)
        expect(page.locator(f".row[aria-rowindex='{BULK + 1}']")).to_be_visible()
        assert page.locator(".row").count() < 100, "rows out of sight are not drawn"
        expect(page.get_by_text("That is all in this time range.")).to_be_visible()

    def test_columns_are_chosen_ordered_and_remembered(self, dashboard: Dashboard) -> None:
        page = dashboard.log()
        page.get_by_role("button", name="Columns").click()
        panel = page.get_by_role("dialog", name="Columns")
        panel.get_by_role("checkbox", name="Site").uncheck()
        panel.get_by_role("checkbox", name="RFID tag").check()
        panel.get_by_role("button", name="Move Charger up").click()
        expected = ["Time", "Charger", "Action", "Connector", "Status", "Error code", "Sent by", "Latency", "RFID tag"]
        assert page.get_by_role("columnheader").all_inner_texts()[1:] == expected
        assert "columns=datetime,charger,action,connector" in dashboard.query()
        page.goto(dashboard.url)
        expect(page.get_by_role("columnheader", name="RFID tag")).to_be_visible()
        assert "columns=datetime,charger,action" in dashboard.query()

    def test_j_k_enter_and_escape(self, dashboard: Dashboard) -> None:
        page = dashboard.log("charger=BULK-1&from=all")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        page.keyboard.press("j")
        expect(page.locator(".row.selected")).to_have_attribute("aria-rowindex", "3")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Heartbeat")).to_be_focused()
        first = dashboard.query()
        page.keyboard.press("j")
        expect(page.locator(".row.selected")).to_have_attribute("aria-rowindex", "4")
        assert dashboard.query() != first
        page.keyboard.press("Escape")
        expect(page.get_by_role("complementary")).to_have_count(0)
        expect(page.get_by_role("grid")).to_be_focused()
        page.keyboard.press("End")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)

    def test_an_error_is_told_at_a_glance_and_in_words(self, dashboard: Dashboard) -> None:
        page = dashboard.log("outcome=violation&from=all")
        row = page.locator(".row[data-id]").first
        expect(row).to_have_class(re.compile("tone-odd"))
        expect(row.get_by_text("Not OCPP", exact=True).first).to_be_attached()


class TestSharing:
    def test_the_address_holds_the_whole_view(self, dashboard: Dashboard, opened: Open) -> None:
        page = dashboard.log("q=lab&action=MeterValues&from=-1h&columns=datetime,charger,power")
        page.locator(".row[data-id]").nth(1).click()
        expect(page.get_by_role("complementary")).to_be_visible()
        colleague = opened().log(dashboard.query().lstrip("?"))
        assert colleague.get_by_role("columnheader").all_inner_texts()[1:] == ["Time", "Charger", "Power"]
        expect(colleague.get_by_role("heading", name="MeterValues")).to_be_visible()
        assert actions(colleague) == set()
        expect(colleague.get_by_role("button", name="Remove lab")).to_be_visible()
        assert colleague.locator(".entry .facts").first.inner_text() == page.locator(".entry .facts").first.inner_text()

    def test_back_leads_to_the_search_before(self, dashboard: Dashboard) -> None:
        page = dashboard.log()
        page.locator(".legend-item").first.click()
        assert "outcome" in dashboard.query()
        page.go_back()
        assert dashboard.query() == ""

    def test_a_copied_link_has_moments_instead_of_relative_times(self, dashboard: Dashboard) -> None:
        page = dashboard.log("q=lab")
        page.get_by_role("button", name="Copy link").click()
        link = page.evaluate("navigator.clipboard.readText()")
        assert re.search(r"\?q=lab&from=20\d\d-[^&]+&to=20\d\d-[^&]+&columns=datetime", link)
