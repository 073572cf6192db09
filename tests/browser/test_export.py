"""The export: one knows what one gets."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from browser.conftest import ODD, Dashboard


def dialog(page: Page) -> None:
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_role("dialog", name="Export")).to_be_visible()


def test_what_matches_is_known_before_and_downloaded_in_the_columns_chosen(dashboard: Dashboard, tmp_path: Path) -> None:
    page = dashboard.log(f"from=all&charger={ODD}&action=DataTransfer")
    dialog(page)
    expect(page.get_by_text("3 entries match the search.")).to_be_visible()
    page.get_by_text("Columns", exact=False).last.click()
    page.get_by_role("dialog", name="Export").get_by_role("button", name="none", exact=True).click()
    expect(page.get_by_text("Choose at least one column.")).to_be_visible()
    expect(page.get_by_role("button", name="Download")).to_be_disabled()
    page.get_by_role("checkbox", name="Charger ID", exact=True).check()
    page.get_by_role("checkbox", name="Action", exact=True).check()
    page.get_by_role("button", name="Move Action up").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert re.fullmatch(r"ocpp-log_.*\.csv", download.value.suggested_filename)
    path = tmp_path / "export.csv"
    download.value.save_as(path)
    rows = list(csv.reader(path.read_text().splitlines()))
    assert rows == [["Action", "Charger ID"], *[["DataTransfer", ODD]] * 3]
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_too_many_says_what_to_narrow(dashboard: Dashboard) -> None:
    page = dashboard.log("from=all")
    dialog(page)
    expect(page.get_by_text(re.compile(r"An export holds 10,000 at most\."))).to_be_visible()
    expect(page.get_by_role("button", name="Download")).to_be_disabled()
    page.get_by_role("button", name=re.compile(r"^test-lab \(")).click()
    assert "site=test-lab" in dashboard.query()
    expect(page.get_by_role("button", name="Download")).to_be_enabled()


def test_or_the_newest_only(dashboard: Dashboard, tmp_path: Path) -> None:
    page = dashboard.log("from=all&charger=BULK-1")
    dialog(page)
    page.get_by_role("checkbox", name="Or take the newest 10,000 only").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "newest.csv")
    assert len((tmp_path / "newest.csv").read_text().splitlines()) == 10_001


def test_an_export_that_fails_says_why(dashboard: Dashboard) -> None:
    dashboard.expected.append("503")
    page = dashboard.log(f"from=all&charger={ODD}")
    dialog(page)
    body = {"type": "urn:ocpplog:problem:store-unavailable", "title": "", "status": 503, "detail": ""}
    page.route(re.compile(r"/v1/logs/export\?"), lambda route: route.fulfill(status=503, json=body))
    page.get_by_role("button", name="Download").click()
    expect(page.get_by_role("alert")).to_contain_text("The log cannot be read at the moment")
