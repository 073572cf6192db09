"""The query API on the local ClickHouse: who may see what, pages."""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import httpx
import jwt
import pytest

from integration.query_api_support import Bench, problem, query_api
from ocpplog_common.tokens import Role
from ocpplog_query_api import dashboard
from ocpplog_query_api.dashboard.endpoints import PAGES
from support.processes import Process

pytestmark = pytest.mark.integration

STATIC = Path(dashboard.__file__).parent / "static"

BUILT = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with query_api(tmp_path_factory.mktemp("api")) as found:
        yield found


class TestWhoMaySeeWhat:
    def test_another_sites_log(self, bench: Bench) -> None:
        viewer = bench.token(Role.VIEWER, ("mine",))
        assert set(bench.found(error_code="GroundFailure")) == {"fault", "theirs"}
        assert bench.found(viewer, error_code="GroundFailure") == ["fault"]
        assert bench.found(viewer, q="secret") == []
        assert bench.found(viewer, site="theirs") == bench.found(viewer, charger="CP9") == []
        assert bench.get("/v1/logs", viewer, charger="CP9", count="true").json()["total"] == 0
        assert [site["site_id"] for site in bench.get("/v1/sites", viewer).json()] == ["mine"]
        assert "CP9" not in bench.get("/v1/logs/export", viewer).text
        [theirs] = bench.get("/v1/logs", site="theirs").json()["items"]
        problem(bench.get(f"/v1/logs/{theirs['id']}", viewer), 404, "not-found")
        assert bench.get(f"/v1/logs/{theirs['id']}").status_code == 200
        assert bench.found(bench.token(sites=()), error_code="GroundFailure") == []

    def test_me(self, bench: Bench) -> None:
        token = bench.token(Role.VIEWER, ("b", "a"))
        expires = datetime.fromtimestamp(jwt.decode(token, options={"verify_signature": False})["exp"], UTC)
        assert bench.get("/v1/me", token).json() == {
            "subject": "tester",
            "role": "viewer",
            "sites": ["a", "b"],
            "expires_at": f"{expires:%Y-%m-%dT%H:%M:%S}.000Z",
        }

    def test_the_page_needs_no_token_to_know_where_to_sign_in(self, bench: Bench) -> None:
        answer = httpx.get(f"{bench.url}/v1/config")
        version = metadata.version("ocpplog-query-api")
        assert answer.json() == {"oidc": None, "version": version, "max_export": 100, "max_page": 1000}


class TestPages:
    @pytest.mark.parametrize("path", ["/", "/docs", *(f"/static/{name}" for name in BUILT)])
    def test_served_with_a_strict_policy(self, bench: Bench, path: str) -> None:
        answer = httpx.get(bench.url + path)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"

    @pytest.mark.parametrize("path", PAGES)
    def test_each_view_has_its_address(self, bench: Bench, path: str) -> None:
        """A link to a view opens it; the page reads the address itself."""
        answer = httpx.get(bench.url + re.sub(r"{.*}", "CP%2F1", path))
        assert answer.status_code == 200
        assert answer.text == (STATIC / "index.html").read_text()

    def test_what_has_a_hash_is_kept_for_good(self, bench: Bench) -> None:
        [script] = re.findall(r'src="(/static/assets/main-[^"]+)"', httpx.get(bench.url).text)
        answer = httpx.get(bench.url + script, headers={"Accept-Encoding": "gzip"})
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.text == httpx.get(bench.url + script, headers={"Accept-Encoding": "identity"}).text
        assert httpx.get(bench.url).headers["cache-control"] == "no-cache"
        again = httpx.get(bench.url, headers={"If-None-Match": httpx.get(bench.url).headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")

    def test_nothing_comes_from_elsewhere(self, bench: Bench) -> None:
        for name in BUILT:
            if name.endswith((".html", ".js", ".css")):
                text = httpx.get(f"{bench.url}/static/{name}").text
                assert not set(re.findall(r"https?://[\w.-]+", text)) - {"http://www.w3.org"}

    def test_the_scripts_fit_the_budget(self) -> None:
        assert sum(len(gzip.compress((STATIC / name).read_bytes())) for name in BUILT if name.endswith(".js")) < 300_000

    def test_no_file_outside(self, bench: Bench) -> None:
        problem(httpx.get(f"{bench.url}/static/..%2F__init__.py"), 404, "not-found")
        problem(httpx.get(f"{bench.url}/static/assets/none.js"), 404, "not-found")

    def test_metrics(self, bench: Bench) -> None:
        assert "ocpplog_api_requests_total" in httpx.get(f"{bench.url}/metrics").text

    def test_unknown_path(self, bench: Bench) -> None:
        problem(httpx.get(f"{bench.url}/nowhere"), 404, "not-found")

    def test_people_at_an_unknown_path_get_the_page_which_says_so(self, bench: Bench) -> None:
        browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
        answer = httpx.get(f"{bench.url}/nowhere/at/all", headers=browser)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert answer.text == (STATIC / "index.html").read_text()
        problem(httpx.get(f"{bench.url}/v1/nowhere", headers=browser), 401, "unauthenticated")
        problem(bench.get("/v1/nowhere"), 404, "not-found")
        for path in ("/v1", "/static/nowhere"):
            problem(httpx.get(bench.url + path, headers=browser), 404, "not-found")
        problem(httpx.post(f"{bench.url}/nowhere", headers=browser), 404, "not-found")


def test_clickhouse_away_and_back(bench: Bench) -> None:
    bench.store.process.kill()
    try:
        assert httpx.get(f"{bench.url}/livez").status_code == 200
        answer = bench.get("/v1/logs")
        problem(answer, 503, "store-unavailable")
        assert answer.headers["retry-after"]
        assert httpx.get(f"{bench.url}/readyz").status_code == 503
    finally:
        bench.store.start()
    assert bench.get("/v1/logs").status_code == 200


def test_a_missing_key_is_said(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = Process(sys.executable, "-m", "ocpplog_query_api", env={"OCPPLOG_API_JWT_KEY_FILE": "/nowhere"}, log=log).start()
    assert process.child.wait(30) == 1
    assert "OCPPLOG_API_JWT_KEY_FILE: /nowhere is not a file" in log.read_text()
