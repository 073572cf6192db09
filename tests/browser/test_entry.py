"""One entry: payloads are text, whatever is in them, and say what is wrong and what they mean."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from browser.conftest import ODD, Dashboard, Open, eventually, in_thread


def opened_entry(dashboard: Dashboard, message_id: str) -> Page:
    page = dashboard.log(f"from=all&charger={ODD}&message_id={message_id}")
    page.locator(".row[data-id]").first.click()
    page.locator(".entry .facts").first.wait_for()
    return page


def test_html_and_scripts_are_shown_as_text(dashboard: Dashboard) -> None:
    page = opened_entry(dashboard, "html")
    tree = page.locator(".entry .tree").first
    expect(tree).to_contain_text("<img src=x onerror=alert(1)>")
    expect(tree).to_contain_text("<script>document.title=")
    assert page.locator(".entry img, .entry script").count() == 0
    assert page.title() == "Log · ocpplog"


def test_numbers_keep_their_digits_and_names_that_stand_twice_stay(dashboard: Dashboard) -> None:
    page = opened_entry(dashboard, "big")
    tree = page.locator(".entry .tree").first
    expect(tree).to_contain_text("12345678901234567890")
    expect(tree).to_contain_text("1.10")
    assert tree.get_by_text("count", exact=True).count() == 2


def test_odd_unicode_is_shown_and_what_turns_the_direction_is_marked(dashboard: Dashboard) -> None:
    page = opened_entry(dashboard, "odd")
    expect(page.locator(".entry .tree").first).to_contain_text("a\\u202eb\\u200bc 😀 مرحبا 漢字 é")


def test_raw_is_byte_for_byte_and_can_be_copied(dashboard: Dashboard) -> None:
    page = opened_entry(dashboard, "odd")
    section = page.get_by_role("region", name="Request")
    section.get_by_role("button", name="Raw").click()
    sent = '{"vendorId":"V","data":"a\u202eb\u200bc 😀 مرحبا 漢字 \\u00e9"}'
    assert section.locator("pre").text_content() == sent
    section.get_by_role("button", name="Copy request").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == sent


def test_violations_are_marked_at_their_place(dashboard: Dashboard) -> None:
    page = opened_entry(dashboard, "bad")
    tree = page.locator(".entry .tree").first
    for path, reason in (("request.connectorId", "'one' is not a connector number"), ("request.status", "'Sleeping' is none of")):
        expect(tree.locator(f"[data-path='{path}'] > .mark")).to_contain_text(reason)
    page.get_by_role("button", name="request.status").click()
    expect(tree.locator("[data-path='request.status']")).to_have_class(re.compile("flash"))


def test_a_frame_that_is_no_ocpp_is_shown_as_it_came(dashboard: Dashboard) -> None:
    page = dashboard.log(f"from=all&charger={ODD}&outcome=violation")
    page.locator(".row[data-id]").first.click()
    expect(page.get_by_role("region", name="Frame as it came").locator("pre")).to_have_text('[2,"broken","Heartb')


def test_folding(dashboard: Dashboard) -> None:
    page = dashboard.log("from=all&action=MeterValues")
    page.locator(".row[data-id]").first.click()
    tree = page.locator(".entry .tree").first
    sampled = tree.get_by_role("button", name=re.compile("sampledValue")).first
    sampled.click()
    expect(sampled).to_have_attribute("aria-expanded", "false")
    tree.get_by_role("button", name="Fold all", exact=True).click()
    expect(tree.get_by_text("measurand")).to_have_count(0)
    tree.get_by_role("button", name="Unfold all").click()
    expect(tree.get_by_text("sampledValue").first).to_be_visible()


@pytest.mark.parametrize(
    ("locale", "label", "words"),
    [
        ("en-GB", "Explain fields", "Number of the connector (plug)."),
        ("de-DE", "Felder erklären", "Nummer des Ladepunkts (Stecker)."),
        ("fr-FR", "Expliquer les champs", "Numéro du connecteur (prise)."),
    ],
)
def test_fields_are_explained_in_the_readers_language(opened: Open, locale: str, label: str, words: str) -> None:
    dashboard = opened(locale=locale)
    page = dashboard.log("from=all&action=StatusNotification")
    page.locator(".row[data-id]").first.click()
    page.get_by_role("checkbox", name=label).check()
    expect(page.locator(".entry .explanation").filter(has_text=words)).to_be_visible()
    page.keyboard.press("e")
    expect(page.locator(".entry .explanation")).to_have_count(0)


async def _settled(gateway: str) -> None:
    """A charger of OCPP 2.1 tells of a payment."""
    payload = '{"pspRef":"P1","status":"Settled","settlementAmount":12.5,"settlementTime":"2026-11-24T02:03:31Z"}'
    async with connect(f"{gateway}/NEW-21", subprotocols=[Subprotocol("ocpp2.1")]) as websocket:
        await websocket.send(f'[2,"paid","NotifySettlement",{payload}]')
        await websocket.recv()


def test_fields_that_only_2_1_has_are_explained_and_loaded_for_2_1_alone(dashboard: Dashboard) -> None:
    in_thread(_settled(dashboard.run.gateway))
    with dashboard.run.api() as api:
        eventually(lambda: bool(api.get("/v1/logs", params={"message_id": "paid"}).json()["items"]))
    loaded: list[str] = []
    dashboard.page.on("request", lambda request: loaded.append(request.url.rsplit("/", 1)[-1]))
    page = opened_entry(dashboard, "odd")
    explain = page.get_by_role("checkbox", name="Explain fields")
    explain.check()
    expect(page.locator(".entry .explanation").first).to_be_visible()
    assert [name for name in loaded if name.startswith(("costs.", "grid."))] == []
    page = dashboard.log("from=all&message_id=paid")
    page.locator(".row[data-id]").first.click()
    explained = page.locator(".entry .explanation")
    expect(explained.filter(has_text="Amount that was paid")).to_be_visible()
    expect(explained.filter(has_text="How the payment ended")).to_be_visible()
    assert any(name.startswith("costs.en") for name in loaded)
    # It was refused, and what its details hold is called as a field of another message is.
    expect(explained.filter(has_text="Why the request was refused")).to_be_visible()
    expect(page.get_by_role("region", name="Response").get_by_text("cause")).to_be_visible()
    expect(explained.filter(has_text="the event that caused this one")).to_have_count(0)


def test_what_came_before_and_after(dashboard: Dashboard) -> None:
    page = opened_entry(dashboard, "odd")
    listed = page.get_by_role("region", name="Before and after on this charger")
    expect(listed.locator("[aria-current=true]")).to_contain_text("DataTransfer")
    listed.get_by_role("link").filter(has_text="StatusNotification").first.click()
    expect(page.get_by_role("heading", name="StatusNotification")).to_be_visible()


def test_a_fact_is_a_filter(dashboard: Dashboard) -> None:
    page = opened_entry(dashboard, "big")
    page.get_by_title(f"Only Charger {ODD}").click()
    assert f"charger={ODD}" in dashboard.query()


def test_on_a_phone_the_entry_is_a_page_of_its_own(opened: Open) -> None:
    dashboard = opened(width=360, height=740, has_touch=True)
    page = opened_entry(dashboard, "big")
    box = page.get_by_role("complementary").bounding_box()
    assert box and (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 360, 740)
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".row.card").first).to_be_visible()


def test_an_entry_that_is_not_there(dashboard: Dashboard) -> None:
    dashboard.expected.append("404")
    page = dashboard.log("entry=1a20b4b42a0-01a20b4b00407cb2b1891fc12154b2e2-7")
    expect(page.get_by_role("complementary").get_by_role("alert")).to_contain_text(
        "There is no such thing, or you may not see it"
    )
