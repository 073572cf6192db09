"""What people ask the API, by the names of the store's benchmark, and what a page asks when it opens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from benchmarks.api_rig import Api, Parameters

LOGS: Final = "/v1/logs"
HISTOGRAM: Final = "/v1/logs/histogram"
_SITES: Final = ("SITE-0037", "SITE-0001", "SITE-0100", "SITE-0399")
_FIVE: Final = ["SITE-0037", "SITE-0001", "SITE-0100", "SITE-0200", "SITE-0399"]
_CHARGERS: Final = ("CP0037-003", "CP0001-001", "CP0100-007", "CP0399-011")
_DEEP_PAGES: Final = 25


@dataclass(frozen=True, slots=True)
class Asked:
    """`variants` are alike, and asked in turn."""

    name: str
    path: str
    variants: Sequence[Parameters]


def asked(api: Api) -> list[Asked]:
    rare: Parameters = {"action": "GetDiagnostics"}
    # To the second: a time that moves on makes another statement of each request.
    day, fortnight = (_ago(timedelta(days=days)) for days in (1, 14))
    return [
        _logs("latest, 1 site", *({"site": site} for site in _SITES)),
        _logs("latest, 5 sites", {"site": _FIVE}),
        _logs("latest, all", {}),
        _logs("charger, 1 site", *({"site": _site(charger), "charger": charger} for charger in _CHARGERS)),
        _logs("charger, all", *({"charger": charger} for charger in _CHARGERS)),
        _logs("rare action, 1 site", *({"site": site, **rare} for site in _SITES)),
        _logs("rare action, all", rare),
        _logs("charger and Faulted, all", *({"charger": charger, "status": "Faulted"} for charger in _CHARGERS)),
        _logs("unique term, all", {"q": unique_term(api)}),
        _logs("unique term as long as an id, all", {"q": unique_word(api)}),
        _logs("absent term, all", {"q": "absentterm"}),
        _logs("two terms, 1 site", *({"site": site, "q": "faulted groundfailure"} for site in _SITES)),
        _logs("two terms, all", {"q": "faulted groundfailure"}),
        _logs("part of a word, 1 site", *({"site": site, "q": "dfail"} for site in _SITES)),
        _logs("part of a word, all", {"q": "dfail"}),
        _logs("24 h and a term, 1 site", *({"site": site, "q": "faulted", "from": day} for site in _SITES)),
        _logs("24 h and a term, all", {"q": "faulted", "from": day}),
        _logs("count of a broad term, all", {"q": "faulted", "count": "true", "limit": "1"}),
        Asked("histogram 24 h, 1 site", HISTOGRAM, [{"site": site, "from": day} for site in _SITES]),
        Asked("histogram by action, 14 days, all", HISTOGRAM, [{"by": "action", "from": fortnight}]),
        *deep(api),
    ]


def deep(api: Api) -> list[Asked]:
    """Pages far behind the first one, of the same searches as `latest`; and first ones of those times. The newest entries are in
    the partition of a week that has only begun, and cost as much as that is old: which is no question of depth."""
    sites = [({"site": site}, *_deep_place(api, {"site": site})) for site in _SITES]
    cursor, at = _deep_place(api, {})
    return [
        _logs("deep page by key, 1 site", *({**one, "cursor": cursor} for one, cursor, _ in sites)),
        _logs("deep page by key, all", {"cursor": cursor}),
        _logs("first page of then, 1 site", *({**one, "to": at} for one, _, at in sites)),
        _logs("first page of then, all", {"to": at}),
    ]


FIRST_PAGES: Final = {
    "deep page by key, 1 site": "first page of then, 1 site",
    "deep page by key, all": "first page of then, all",
}

_DAY: Final = {"from": "-24h"}
_SHOWN: Final = (
    *("charger_id", "site_id", "connector_id", "action", "source", "outcome", "status"),
    *("error_code", "vendor_error_code", "response_error_code", "latency_ms", "violations"),
)
_VIEW: Final = [
    Asked("configuration", "/v1/config", [{}]),
    Asked("who am I", "/v1/me", [{}]),
    Asked("newest entries", LOGS, [{**_DAY, "limit": "100", "columns": ",".join(_SHOWN)}]),
    Asked("number of entries", f"{LOGS}/count", [_DAY]),
    Asked("histogram", HISTOGRAM, [{**_DAY, "by": "outcome", "buckets": "80"}]),
]
_ASSET: Final = re.compile(r'"(/static/assets/[^"]+)"')


def start_view(api: Api) -> list[Asked]:
    """What a browser asks when the dashboard opens, in that order: the page, what it names, and what its script asks then."""
    assets = sorted(set(_ASSET.findall(api.content("/", {}).decode())))
    there = api.answer("/openapi.json", {})["paths"]
    files = [Asked("page", "/", [{}]), *(Asked(_named(path), path, [{}]) for path in assets)]
    return [*files, *(asked for asked in _VIEW if asked.path in there)]


def _named(path: str) -> str:
    """Without the hash."""
    name = path.rpartition("/")[2]
    return f"{name.partition('-')[0]}.{name.rpartition('.')[2]}"


def unique_term(api: Api) -> str:
    """Twelve letters and digits that one entry has: of the reference in a DataTransfer."""
    return unique_word(api)[:12]


def unique_word(api: Api) -> str:
    """The whole reference, as long as a message id can be."""
    [entry] = api.answer(LOGS, {"action": "DataTransfer", "order": "asc", "limit": "1", "fields": "request"})["items"]
    return str(entry["request"]).rpartition(':\\"')[2].partition("\\")[0]


def _deep_place(api: Api, parameters: Parameters) -> tuple[str, str]:
    """A cursor far back, and the time of the entry that it goes on from."""
    cursor = at = ""
    for _ in range(_DEEP_PAGES):
        found = api.answer(LOGS, {**parameters, "limit": "1000"} | ({"cursor": cursor} if cursor else {}))
        if found["next_cursor"] is None:
            break
        cursor, at = found["next_cursor"], found["items"][-1]["datetime"]
    return cursor, at


def _logs(name: str, *variants: Parameters) -> Asked:
    return Asked(name, LOGS, variants)


def _ago(span: timedelta) -> str:
    return (datetime.now(UTC) - span).isoformat(timespec="seconds").replace("+00:00", "Z")


def _site(charger: str) -> str:
    return f"SITE-{charger[2:6]}"
