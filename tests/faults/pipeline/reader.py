"""Somebody who reads the log through the API: page after page while things go wrong, and everything once they are well."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx

from faults.pipeline.rig import Api

_SITE: Final = "depot"
_REFUSALS: Final = {502, 503, 504}
"""While ClickHouse is away."""
Item = dict[str, Any]


class Reader:
    """`complaints`: what was wrong with any answer. `pages`, `unanswered`: how many of its requests were answered, or not."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.complaints: list[str] = []
        self.pages = self.unanswered = 0
        self._shown: set[str] = set()
        """Entries that some page has shown: each later walk to the end has to show them again."""

    async def run(self) -> None:
        """For good: walk the pages of one site, newest first, while rows arrive."""
        while True:
            async with self._client(self._api.token(_SITE)) as client:
                try:
                    await self._walk(client)
                except httpx.HTTPError:
                    self.unanswered += 1
            await asyncio.sleep(0.3)

    async def _walk(self, client: httpx.AsyncClient) -> None:
        seen: set[str] = set()
        before = set(self._shown)
        async for answer in _pages(client, limit=40):
            if answer.status_code in _REFUSALS:
                self.unanswered += 1
                return
            if answer.status_code != 200:
                self.complaints.append(f"{answer.status_code}: {answer.text[:300]}")
                return
            self.pages += 1
            items: list[Item] = answer.json()["items"]
            self._check(items, seen)
            self._shown |= seen
        self.complaints += [f"not shown any more: {name}" for name in before - seen]

    def _check(self, items: list[Item], seen: set[str]) -> None:
        self.complaints += [f"of another site: {item['id']}" for item in items if item["site_id"] != _SITE]
        self.complaints += [f"twice in one walk: {item['id']}" for item in items if item["id"] in seen]
        seen.update(item["id"] for item in items)

    def _client(self, token: str) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self._api.url, headers=headers, timeout=20)

    async def everything(self, *sites: str, order: str = "desc") -> list[Item]:
        """All entries that a token for these sites shows, with their payloads."""
        found: list[Item] = []
        async with self._client(self._api.token(*sites)) as client:
            async for answer in _pages(client, limit=200, order=order, fields="request,response"):
                assert answer.status_code == 200, answer.text
                found += answer.json()["items"]
        return found

    async def exported(self, *sites: str) -> list[Item]:
        """The same as a file for programs, of which each line is an entry."""
        content = await self.download("ndjson", *sites, columns="all")
        return [json.loads(line) for line in content.splitlines()]

    async def download(self, form: str, *sites: str, columns: str = "") -> bytes:
        """A file: in the product's columns, unless others are named."""
        async with self._client(self._api.token(*sites)) as client:
            answer = await client.get("/v1/logs/export", params={"format": form, "columns": columns})
            assert answer.status_code == 200, answer.text
        return answer.content


async def _pages(client: httpx.AsyncClient, **parameters: Any) -> AsyncIterator[httpx.Response]:
    while True:
        answer = await client.get("/v1/logs", params=parameters)
        yield answer
        if answer.status_code != 200 or (cursor := answer.json()["next_cursor"]) is None:
            return
        parameters["cursor"] = cursor
