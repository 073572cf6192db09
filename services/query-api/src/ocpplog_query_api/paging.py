"""Pages of a list: how long, and where the next one begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Request

from ocpplog_query_api.errors import InvalidParameter
from ocpplog_query_api.logs.identity import CursorError, Cursors
from ocpplog_query_api.scope import Scope


class Pages:
    """Of one list, as `query` describes it, for who has this scope: its cursors are of no use for anything else."""

    def __init__(self, request: Request, scope: Scope, query: Any) -> None:
        self._cursors: Cursors = request.app.state.cursors
        self._maximum: int = request.app.state.settings.api_max_page
        self._identity = [None if scope.sites is None else sorted(scope.sites), query]

    def check(self, limit: int) -> None:
        """Raises InvalidParameter."""
        if limit > self._maximum:
            raise InvalidParameter("limit", f"at most {self._maximum}")

    def after(self, cursor: str) -> list[Any] | None:
        """The place of a cursor; None for the first page. Raises InvalidParameter."""
        if not cursor:
            return None
        try:
            return self._cursors.unseal(cursor, self._identity)
        except CursorError as error:
            raise InvalidParameter("cursor", str(error)) from None

    def cursor(self, place: Sequence[Any] | None) -> str | None:
        return self._cursors.seal(place, self._identity) if place else None
