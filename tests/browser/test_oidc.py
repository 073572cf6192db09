"""Signing in with an OIDC issuer at another origin: authorization code with PKCE, against a query API that knows its keys."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from browser.conftest import Dashboard, Open, accessible, eventually
from browser.issuer import CLIENT, Issuer
from support.local_run import Run
from support.processes import Process, environment, free_port


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    found = Issuer()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def api(run: Run, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A query API at the run's log, that takes the issuer's tokens; its address."""
    port = free_port()
    settings = {
        "kafka_bootstrap": run.kafka,
        "kafka_idempotence": False,
        "clickhouse_url": run.clickhouse,
        "api_port": port,
        "api_jwt_key_file": run.directory / ".local/keys/api.key",
        "api_jwks_url": f"{issuer.url}/jwks",
        "api_jwt_issuer": issuer.url,
        "api_oidc_authority": issuer.url,
        "api_oidc_client_id": CLIENT,
        "api_oidc_scopes": "openid ocpplog",
    }
    log = tmp_path_factory.mktemp("oidc") / "api.log"
    process = Process(sys.executable, "-m", "ocpplog_query_api", env=environment(settings), log=log).start()
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: _answers(url))
    yield url
    process.stop()
    assert "code=" not in log.read_text()
    assert "eyJ" not in log.read_text()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/livez").status_code == 200
    except httpx.TransportError:
        return False


def sign_in(page: Page, issuer: Issuer) -> None:
    page.get_by_role("button", name="Continue to sign-in").click()
    page.get_by_role("link", name=f"I am {issuer.subject}").click()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_way_in_is_accessible(opened: Open, api: str, theme: str) -> None:
    page = opened(color_scheme=theme, width=360, height=740).page
    page.goto(api)
    page.get_by_role("button", name="Continue to sign-in").wait_for()
    page.get_by_text("Use a token instead").click()
    assert accessible(page) == []


def test_authorization_code_with_pkce(dashboard: Dashboard, api: str, issuer: Issuer) -> None:
    page = dashboard.page
    asked: list[str] = []
    dashboard.context.on("request", lambda request: asked.append(request.url))
    page.goto(f"{api}/?from=all&charger=LAB-01")
    sign_in(page, issuer)
    expect(page.locator(".row[data-id]").first).to_be_visible()
    assert dashboard.query() == "?from=all&charger=LAB-01"
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_text(issuer.subject)).to_be_visible()
    begun, exchanged = issuer.asked[-1], issuer.posted[-1]
    assert (begun["redirect_uri"], begun["scope"]) == (f"{api}/sign-in", "openid ocpplog")
    assert (exchanged["grant_type"], exchanged["client_id"]) == ("authorization_code", CLIENT)
    assert len(exchanged["code_verifier"]) >= 43
    token = page.evaluate("localStorage.getItem('ocpplog.token')")
    assert not [url for url in asked if token in url]
    assert [urlsplit(url).path for url in asked if "code=" in url] == ["/sign-in"]
    page.go_back()
    assert "code=" not in page.url


def test_a_session_that_ends_leads_through_sign_in_to_where_one_was(dashboard: Dashboard, api: str, issuer: Issuer) -> None:
    dashboard.expected.append("401")
    page = dashboard.page
    page.goto(f"{api}/chargers?q=LAB")
    sign_in(page, issuer)
    expect(page.get_by_role("link", name="LAB-01")).to_be_visible()
    other = {"authorization": "Bearer x.y.z"}
    page.route("**/v1/chargers?*", lambda route: route.continue_(headers={**route.request.headers, **other}))
    page.reload()
    expect(page.get_by_text("The token is not accepted here")).to_be_visible()
    page.unroute("**/v1/chargers?*")
    sign_in(page, issuer)
    expect(page.get_by_role("link", name="LAB-01")).to_be_visible()
    assert page.url == f"{api}/chargers?q=LAB"


def test_the_claims_say_what_one_may_see(dashboard: Dashboard, api: str, issuer: Issuer) -> None:
    issuer.claims = {"role": "viewer", "sites": ["test-lab"]}
    try:
        page = dashboard.page
        page.goto(f"{api}/sites")
        sign_in(page, issuer)
        expect(page.get_by_role("table").get_by_role("link")).to_have_text(["Test lab"])
    finally:
        issuer.claims = {"role": "support", "sites": ["*"]}


def test_a_refusal_says_why_and_one_can_try_again(dashboard: Dashboard, api: str, issuer: Issuer) -> None:
    issuer.refuse = "Your account is locked"
    page = dashboard.page
    page.goto(api)
    sign_in(page, issuer)
    expect(page.get_by_role("alert")).to_have_text("Signing in failed: Your account is locked")
    issuer.refuse = ""
    sign_in(page, issuer)
    expect(page.locator(".row[data-id]").first).to_be_visible()


def test_a_code_counts_for_who_began(dashboard: Dashboard, api: str, issuer: Issuer) -> None:
    """Somebody else's verifier does not fit the challenge: the issuer refuses the code."""
    dashboard.expected.append("400")
    page = dashboard.page
    page.goto(api)
    page.get_by_role("button", name="Continue to sign-in").click()
    link = page.get_by_role("link", name=f"I am {issuer.subject}")
    back = link.get_attribute("href")
    page.goto(f"{api}/docs")
    page.evaluate(
        """() => {
          const begun = JSON.parse(sessionStorage.getItem("ocpplog.sign-in"));
          sessionStorage.setItem("ocpplog.sign-in", JSON.stringify({ ...begun, verifier: "v".repeat(43) }));
        }"""
    )
    page.goto(str(back))
    expect(page.get_by_role("alert")).to_have_text("Signing in failed: the code does not fit")


def test_an_answer_to_a_sign_in_that_nobody_began_is_refused(dashboard: Dashboard, api: str) -> None:
    page = dashboard.page
    page.goto(f"{api}/sign-in?code=stolen&state=guessed")
    expect(page.get_by_role("alert")).to_contain_text("does not belong to a sign-in that began in this tab")
    assert "stolen" not in page.url


def test_an_issuer_that_is_away_is_said(dashboard: Dashboard, api: str) -> None:
    dashboard.expected.append("ERR_FAILED")
    page = dashboard.page
    page.route("**/.well-known/openid-configuration", lambda route: route.abort())
    page.goto(api)
    page.get_by_role("button", name="Continue to sign-in").click()
    expect(page.get_by_role("alert")).to_have_text("Signing in failed: the sign-in service does not answer")


def test_no_other_origin_may_be_asked(api: str, issuer: Issuer) -> None:
    policy = httpx.get(api).headers["content-security-policy"]
    origin = issuer.url.removesuffix("/realm")
    assert f"connect-src 'self' {origin};" in policy
    assert "default-src 'none'" in policy
