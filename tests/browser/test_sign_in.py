"""Who is nobody sees nothing; whoever signs in is where they wanted to be."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Route, expect

from browser.conftest import Dashboard


def test_a_link_signs_in_and_leaves_no_token_in_the_address(dashboard: Dashboard) -> None:
    page = dashboard.log("action=StatusNotification")
    assert "token" not in page.url
    assert dashboard.query() == "?action=StatusNotification"
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_text("local-support")).to_be_visible()
    page.reload()
    expect(page.locator(".row[data-id]").first).to_be_visible()


def test_a_second_tab_is_signed_in_too(dashboard: Dashboard) -> None:
    dashboard.log()
    other = dashboard.context.new_page()
    dashboard.watch(other)
    dashboard.expected.append("404")  # without what stands in for missing endpoints
    other.goto(dashboard.url)
    expect(other.locator(".row[data-id]").first).to_be_visible()


def test_without_a_token_one_is_asked_for_and_gets_where_one_wanted_to_go(dashboard: Dashboard) -> None:
    page = dashboard.page
    page.goto(f"{dashboard.url}/?status=Faulted&from=all")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.locator(".row").count() == 0
    page.get_by_label("Token").fill(dashboard.run.token("support"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Remove Status Faulted")).to_be_visible()
    assert dashboard.query() == "?status=Faulted&from=all"


def test_a_token_that_is_refused_leads_back_to_sign_in_and_then_to_where_one_was(dashboard: Dashboard) -> None:
    dashboard.expected.append("401")
    page = dashboard.log("q=lab")
    page.evaluate("localStorage.setItem('ocpplog.token', 'x.' + btoa('{\"exp\": 9999999999}') + '.y')")
    page.reload()
    expect(page.get_by_text("The token is not accepted here")).to_be_visible()
    page.get_by_label("Token").fill(dashboard.run.token("support"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".row[data-id]").first).to_be_visible()
    assert dashboard.query() == "?q=lab"


def test_an_expired_token_is_not_even_tried(dashboard: Dashboard) -> None:
    page = dashboard.page
    page.goto(f"{dashboard.url}/docs")
    page.evaluate("localStorage.setItem('ocpplog.token', 'x.' + btoa('{\"exp\": 1}') + '.y')")
    page.goto(dashboard.url)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_signing_out_forgets_the_token_in_every_tab(dashboard: Dashboard) -> None:
    page = dashboard.log()
    other = dashboard.context.new_page()
    dashboard.expected.append("404")
    other.goto(dashboard.url)
    expect(other.locator(".row[data-id]").first).to_be_visible()
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Sign out").click()
    for tab in (page, other):
        expect(tab.get_by_text("You are signed out.")).to_be_visible()
    assert page.evaluate("localStorage.getItem('ocpplog.token')") is None


def test_oidc_authorization_code_with_pkce(dashboard: Dashboard) -> None:
    """An authority at the same origin: its sign-in page comes back with a code, which is exchanged for the token by POST."""
    page = dashboard.page
    asked: dict[str, str] = {}
    posted: dict[str, str] = {}
    authority = f"{dashboard.url}/authority"

    def config(route: Route) -> None:
        oidc = {"authority": authority, "client_id": "dash", "scopes": "openid ocpplog"}
        route.fulfill(json={"oidc": oidc, "version": "1", "max_export": 10_000, "max_page": 1000})

    def endpoints(route: Route) -> None:
        route.fulfill(json={"authorization_endpoint": f"{authority}/authorize", "token_endpoint": f"{authority}/token"})

    def authorize(route: Route) -> None:
        asked.update({name: value[0] for name, value in parse_qs(urlsplit(route.request.url).query).items()})
        back = f"{asked['redirect_uri']}?code=c0de&state={asked['state']}"
        route.fulfill(status=302, headers={"Location": back})

    def token(route: Route) -> None:
        posted.update({name: value[0] for name, value in parse_qs(route.request.post_data or "").items()})
        route.fulfill(json={"access_token": dashboard.run.token("viewer"), "token_type": "Bearer"})

    page.route("**/v1/config", config)
    page.route("**/.well-known/openid-configuration", endpoints)
    page.route("**/authority/authorize?*", authorize)
    page.route("**/authority/token", token)
    page.goto(f"{dashboard.url}/?from=all&charger=LAB-01")
    page.get_by_role("button", name="Continue to sign-in").click()
    expect(page.locator(".row[data-id]").first).to_be_visible()
    assert dashboard.query() == "?from=all&charger=LAB-01"
    assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", "dash", "S256")
    assert (posted["grant_type"], posted["code"], posted["client_id"]) == ("authorization_code", "c0de", "dash")
    challenge = page.evaluate(
        """async (verifier) => btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest("SHA-256",
        new TextEncoder().encode(verifier))))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")""",
        posted["code_verifier"],
    )
    assert challenge == asked["code_challenge"]


def test_an_answer_to_a_sign_in_that_nobody_began_is_refused(dashboard: Dashboard) -> None:
    page = dashboard.page
    oidc = {"authority": f"{dashboard.url}/authority", "client_id": "dash", "scopes": "openid"}
    page.route("**/v1/config", lambda route: route.fulfill(json={"oidc": oidc, "version": "", "max_export": 1, "max_page": 1}))
    page.goto(f"{dashboard.url}/sign-in?code=stolen&state=guessed")
    expect(page.get_by_role("alert")).to_contain_text("does not belong to a sign-in that began in this tab")
    assert "stolen" not in page.url
