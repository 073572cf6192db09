"""Endpoints that the query API under test lacks, made of those it has: where it has them, nothing is replaced."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx
from playwright.sync_api import Page, Route

from ocpplog_common.clickhouse.tables import EXPORT_COLUMNS

_COLUMNS: Final = {"site": "site_id", "charger": "charger_id", "connector": "connector_id"}
_ENTRY: Final = re.compile(r"/v1/logs/[0-9a-f]+-[0-9a-f]+-\d+$")
_LEVEL: Final = re.compile(r"/v1/sites/[^/]+/log-level$")
_OWN: Final = ("field", "top", "by", "buckets", "backlog")


def install(page: Page, api: httpx.Client) -> None:
    description = api.get("/openapi.json").json()
    known = description["paths"]
    if "neighbours" not in description["components"]["schemas"]["LogEntryDetail"]["properties"]:
        page.route(_ENTRY, partial(_answer, _with_neighbours, api))
    handlers: dict[str, Callable[[Route, httpx.Client], None]] = {
        "/v1/logs/facets": _facets,
        "/v1/logs/histogram": _histogram,
        "/v1/logs/tail": _tail,
        "/v1/logs/export/columns": _export_columns,
        "/v1/config": _config,
    }
    for path, handler in handlers.items():
        if path not in known:
            page.route(partial(_is, path), partial(_answer, handler, api))
    if "/v1/sites/{site_id}/log-level" not in known:
        levels = _Levels()
        page.route(_LEVEL, levels.level)
        page.route(partial(_is, "/v1/sites"), partial(_answer, levels.sites, api))


def _is(path: str, url: str) -> bool:
    return urlsplit(url).path == path


def _answer(handler: Callable[[Route, httpx.Client], None], api: httpx.Client, route: Route) -> None:
    handler(route, api)


def _query(route: Route) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(route.request.url).query)


def _entries(route: Route, api: httpx.Client) -> list[dict[str, Any]]:
    parameters = [(name, value) for name, value in _query(route) if name not in _OWN]
    headers = {"Authorization": route.request.headers["authorization"]}
    answer = api.get("/v1/logs", params=[*parameters, ("limit", "1000")], headers=headers)
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def _facets(route: Route, api: httpx.Client) -> None:
    entries = _entries(route, api)
    facets = []
    for field in [value for name, value in _query(route) if name == "field"]:
        counts = Counter(entry[_COLUMNS.get(field, field)] for entry in entries)
        values = [{"value": value, "count": count} for value, count in counts.most_common()]
        facets.append({"field": field, "values": values, "others": 0, "is_sample": False})
    route.fulfill(json={"facets": facets})


def _histogram(route: Route, api: httpx.Client) -> None:
    entries = _entries(route, api)
    since = dict(_query(route)).get("from", "")
    end = datetime.now(UTC)
    start = datetime.fromisoformat(since) if since and not since.startswith("-") else end - timedelta(days=1)
    width = max(1, round((end - start).total_seconds() / 60))
    counts: list[Counter[str]] = [Counter() for _ in range(60)]
    for entry in entries:
        index = int((datetime.fromisoformat(entry["datetime"]) - start).total_seconds() // width)
        if 0 <= index < 60:
            counts[index][entry["outcome"]] += 1
    buckets = [{"at": _iso(start + timedelta(seconds=n * width)), "counts": dict(found)} for n, found in enumerate(counts)]
    route.fulfill(json={"from": _iso(start), "to": _iso(end), "bucket_seconds": width, "buckets": buckets})


def _tail(route: Route, api: httpx.Client) -> None:
    """What is new since the last answer, and the end: the page comes back for more."""
    last = route.request.headers.get("last-event-id")
    entries = _entries(route, api)
    fresh = [entry for entry in reversed(entries) if last and entry["datetime"] > last]
    newest = entries[0]["datetime"] if entries else _iso(datetime.now(UTC))
    events = [f"event: entry\nid: {entry['datetime']}\ndata: {json.dumps(entry)}\n\n" for entry in fresh]
    route.fulfill(content_type="text/event-stream", body="".join(events) or f": ping\nid: {last or newest}\n\n")


def _export_columns(route: Route, api: httpx.Client) -> None:
    route.fulfill(json=[{"header": header, "column": column, "description": ""} for header, column in EXPORT_COLUMNS.items()])


def _with_neighbours(route: Route, api: httpx.Client) -> None:
    headers = {"Authorization": route.request.headers["authorization"]}
    answer = api.get(urlsplit(route.request.url).path, headers=headers)
    if answer.status_code != 200:
        route.fulfill(status=answer.status_code, body=answer.content, content_type=answer.headers["content-type"])
        return
    entry = answer.json()
    filters = {"charger": entry["charger_id"], "site": entry["site_id"], "limit": 1000}
    entries: list[dict[str, Any]] = api.get("/v1/logs", params=filters, headers=headers).json()["items"]
    place = [one["id"] for one in entries].index(entry["id"])
    after = entries[max(0, place - 5) : place][::-1]
    route.fulfill(json={**entry, "neighbours": {"before": entries[place + 1 : place + 6], "after": after}})


def _config(route: Route, api: httpx.Client) -> None:
    route.fulfill(json={"oidc": None, "version": "test", "max_export": 10_000, "max_page": 1000})


class _Levels:
    """Levels of sites, as long as a page is there: what a page shows of them, and that it can change them."""

    def __init__(self) -> None:
        self._changes: list[dict[str, Any]] = []
        self._until: str | None = None

    def level(self, route: Route) -> None:
        if route.request.method == "PUT":
            self._change(json.loads(route.request.post_data or "{}"))
        route.fulfill(json=self._answer())

    def sites(self, route: Route, api: httpx.Client) -> None:
        answer = self._answer()
        more = {"level": answer["level"], "level_until": self._until, "level_after": answer["after"], "registered": True}
        sites = api.get("/v1/sites", headers={"Authorization": route.request.headers["authorization"]}).json()
        route.fulfill(json=[{**site, **more} for site in sites])

    def _change(self, body: dict[str, Any]) -> None:
        until, now = body["until"], datetime.now(UTC)
        hours = int(until[1:-1]) * (24 if until.endswith("d") else 1) if until and until.startswith("+") else None
        self._until = until if hours is None else _iso(now + timedelta(hours=hours))
        change = {"who": "local-support", "at": _iso(now), "before": self._answer()["level"], "after": body["level"] or "info"}
        self._changes.insert(0, {**change, "why": body["reason"], "until": self._until})

    def _answer(self) -> dict[str, Any]:
        level = self._changes[0]["after"] if self._changes else "info"
        after = "info" if self._until else None
        return {"level": level, "default_level": "info", "until": self._until, "after": after, "history": self._changes}


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
