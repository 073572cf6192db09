"""Builds the application: the only place that knows the concrete parts."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from ocpplog_common import tracing
from ocpplog_common.record_writer import RecordWriter
from ocpplog_query_api import caller, errors, health, middleware
from ocpplog_query_api.chargers import administration_endpoints as charger_administration
from ocpplog_query_api.chargers import endpoints as chargers
from ocpplog_query_api.dashboard import endpoints as dashboard
from ocpplog_query_api.database import Database
from ocpplog_query_api.description import Described
from ocpplog_query_api.exports import endpoints as exports
from ocpplog_query_api.exports.places import Places
from ocpplog_query_api.live import endpoints as live
from ocpplog_query_api.logs import endpoints as logs
from ocpplog_query_api.logs.identity import Cursors
from ocpplog_query_api.overview import endpoints as overview
from ocpplog_query_api.registry import Registry
from ocpplog_query_api.sessions import endpoints as sessions
from ocpplog_query_api.settings import ApiSettings
from ocpplog_query_api.sites import endpoints as sites
from ocpplog_query_api.traces import Traced
from ocpplog_query_api.verification import JwtVerifier

_DESCRIPTION = """The message log of a fleet of EV chargers: each entry is one exchange of OCPP messages,
a request and its response.

Send `Authorization: Bearer <token>`. Errors are `application/problem+json` (RFC 9457) with a stable `type`."""


def create_app(settings: ApiSettings, health_listener: socket.socket | None = None) -> FastAPI:
    """`health_listener`: bound to `api_health_port`, where that is set."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database = Database(settings)
        app.state.registry = Registry(settings.kafka_client())
        app.state.writer = RecordWriter(settings, app.state.registry, settings.api_write_seconds)
        app.state.live = live.Live(app.state.database, settings)
        app.state.stopping = lambda: app.state.live.watch.closing
        async with health.served(app.state.database, app.state.stopping, health_listener):
            await app.state.registry.start()
            yield
            await app.state.registry.stop()
        await app.state.database.close()

    app = Described(
        title="ocpplog",
        version="1",
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        # Its own spans would stand, empty, between a request's and those of its queries.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.settings = settings
    app.state.cursors = Cursors(settings.key)
    app.state.spreadsheets = Places(settings.api_max_spreadsheets)
    errors.install(app)
    middleware.install(app, settings, JwtVerifier(settings))
    if tracing.enabled():
        # Last, so that it is outside of all others.
        app.add_middleware(Traced)
    # The export and the tail before the log: /v1/logs/export is no entry id.
    for router in (exports.router, live.router, logs.router, sites.router):
        app.include_router(router)
    for router in (caller.router, overview.router, chargers.router, charger_administration.router, sessions.router):
        app.include_router(router)
    if not settings.api_health_port:
        app.include_router(health.router)
    dashboard.mount(app)
    return app
