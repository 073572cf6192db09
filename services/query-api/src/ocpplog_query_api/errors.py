"""Errors of the API, as problem+json (RFC 9457)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

_log = structlog.get_logger(__name__)
_NARROW: Final = "Narrow the time range, or name a site or a charger."


class FieldError(BaseModel):
    field: str = Field(description="The parameter that is wrong", examples=["limit"])
    reason: str = Field(description="Why", examples=["Input should be less than or equal to 1000"])


class ProblemBody(BaseModel):
    """What an error answer holds (RFC 9457)."""

    type: str = Field(examples=["urn:ocpplog:problem:invalid-parameter"])
    title: str
    status: int
    detail: str = ""
    errors: list[FieldError] = []


class ApiError(Exception):
    """Base of the API's own errors; `kind` is the stable end of the problem's type."""

    status = 500
    kind = "internal"
    title = "Something went wrong"

    def __init__(self, detail: str = "", headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members


class Unauthenticated(ApiError):
    status, kind, title = 401, "unauthenticated", "A valid token is required"


class IssuerUnavailable(ApiError):
    status, kind, title = 503, "issuer-unavailable", "The token cannot be checked at the moment"


class Forbidden(ApiError):
    status, kind, title = 403, "forbidden", "Your role does not allow this"


class NotFound(ApiError):
    status, kind, title = 404, "not-found", "There is no such thing, or you may not see it"


class InvalidParameter(ApiError):
    """`field` and why."""

    status, kind, title = 422, "invalid-parameter", "A parameter is wrong"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}", errors=[{"field": field, "reason": reason}])


class Conflict(ApiError):
    status, kind, title = 409, "conflict", "This cannot be done as things are"


class ChangedMeanwhile(ApiError):
    status, kind, title = 412, "changed-meanwhile", "Somebody else has changed it meanwhile"


class PreconditionRequired(ApiError):
    status, kind, title = 428, "precondition-required", "Say which state you change"


class TooLarge(ApiError):
    status, kind, title = 413, "body-too-large", "What you send is too large"


class TooManyRequests(ApiError):
    status, kind, title = 429, "too-many-requests", "You call too often"


class RecordsUnavailable(ApiError):
    status, kind, title = 503, "records-unavailable", "Sites and chargers cannot be read at the moment"


class NotWritten(ApiError):
    status, kind, title = 503, "not-written", "Kafka has not acknowledged: nothing was changed"


class MaybeWritten(ApiError):
    status, kind, title = 503, "maybe-written", "Kafka has not said whether it was changed"


class TooMany(ApiError):
    status, kind, title = 422, "too-many-entries", "More entries match than an export may hold"


class TooSlow(ApiError):
    status, kind, title = 504, "query-too-slow", "The query took too long"


class TooBig(ApiError):
    status, kind, title = 504, "query-too-big", "The query needs more than it may use"


class Unavailable(ApiError):
    status, kind, title = 503, "store-unavailable", "The log cannot be read at the moment"


class TooManyStreams(ApiError):
    status, kind, title = 503, "too-many-streams", "Too many clients follow the log"


class TooManySpreadsheets(ApiError):
    status, kind, title = 503, "too-many-spreadsheets", "Too many spreadsheets are being made"


class TooManyStreamsOfCaller(ApiError):
    status, kind, title = 429, "too-many-streams-of-caller", "You follow the log too often at once"


def translate(error: ClickHouseError, parameters: Callable[[], Collection[str]] = frozenset) -> ApiError:
    """ClickHouse's errors, in words for the caller; what was asked and how is only in our own log. `parameters`: names of those
    that the caller can send."""
    code = getattr(error, "code", None)
    if code in (159, 160, 209):
        return TooSlow(_NARROW)
    if code in (158, 241, 307):
        return TooBig(_NARROW)
    if code == 396:
        return TooBig(f"The answer is too large. {_smaller(parameters())}")
    _log.error("ClickHouse failed", code=code, error=str(error)[:500])
    return Unavailable("Try again in a moment.", {"Retry-After": "2"})


def _smaller(parameters: Collection[str]) -> str:
    """How to get an answer that is not too large to be held as a whole."""
    if "limit" in parameters:
        without = ", or leave payloads out of `fields`" if "fields" in parameters else ""
        return f"Ask for fewer at once, with a smaller `limit`{without}."
    return _NARROW if "from" in parameters else "Search its entries instead, page by page: /v1/logs."


def _parameters(request: Request) -> Collection[str]:
    """Names of the query parameters of the endpoint that is asked. To describe the API for the first time takes a while."""
    operations = request.app.openapi()["paths"].get(getattr(request.scope.get("route"), "path", ""), {})
    told = operations.get(request.method.lower(), {}).get("parameters", ())
    return {parameter["name"] for parameter in told if parameter["in"] == "query"}


def install(app: FastAPI) -> None:
    """Make every error of the application a problem."""

    @app.exception_handler(ApiError)
    async def api_error(_: Request, error: ApiError) -> JSONResponse:
        return respond(error)

    @app.exception_handler(ClickHouseError)
    async def store_error(request: Request, error: ClickHouseError) -> JSONResponse:
        return respond(translate(error, partial(_parameters, request)))

    @app.exception_handler(RequestValidationError)
    async def validation_error(_: Request, error: RequestValidationError) -> JSONResponse:
        errors = [{"field": _field(problem["loc"]), "reason": problem["msg"]} for problem in error.errors()]
        detail = "; ".join(f"{problem['field']}: {problem['reason']}" for problem in errors)
        return _answer(422, InvalidParameter.kind, InvalidParameter.title, detail, {}, {"errors": errors})

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        title = HTTPStatus(error.status_code).phrase
        kind = re.sub(r"[^a-z]+", "-", title.lower())
        return _answer(error.status_code, kind, title, "", error.headers or {}, {})


def respond(error: ApiError) -> JSONResponse:
    """The error as an answer."""
    return _answer(error.status, error.kind, error.title, error.detail, error.headers, error.members)


def _answer(
    status: int, kind: str, title: str, detail: str, headers: Mapping[str, str], members: Mapping[str, Any]
) -> JSONResponse:
    body = {"type": f"urn:ocpplog:problem:{kind}", "title": title, "status": status, "detail": detail, **members}
    return JSONResponse(body, status, headers=dict(headers), media_type="application/problem+json")


def _field(location: Sequence[int | str]) -> str:
    names = [str(part) for part in location if part not in ("query", "path", "header", "body")]
    return ".".join(names) or "request"


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemBody, "description": title}
    for status, title in (
        (401, Unauthenticated.title),
        (422, InvalidParameter.title),
        (429, TooManyRequests.title),
        (503, Unavailable.title),
        (504, TooSlow.title),
    )
}
"""The problems that any endpoint under /v1 can answer with."""


def documented(*kinds: type[ApiError]) -> dict[int | str, dict[str, Any]]:
    """For `responses` of an endpoint: these problems besides."""
    return {kind.status: {"model": ProblemBody, "description": kind.title} for kind in kinds}
