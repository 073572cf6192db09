"""The API's description (OpenAPI 3.1), as its answers are."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from ocpplog_query_api.errors import TooLarge

_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
_TOO_LARGE: Final = {"description": TooLarge.title, "content": _PROBLEM}


class Described(FastAPI):
    """FastAPI takes errors for application/json."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            for methods in super().openapi()["paths"].values():
                for operation in methods.values():
                    _mend(operation)
        found: dict[str, Any] = self.openapi_schema or {}
        return found


def _mend(operation: dict[str, Any]) -> None:
    if "requestBody" in operation:
        operation["responses"]["413"] = dict(_TOO_LARGE)
    for status, response in operation["responses"].items():
        if status >= "400":
            response["content"] = _PROBLEM
