"""The read API: JSON over HTTP, described by itself at /openapi.json; and /metrics for Prometheus.

It only reads, and asks nobody who they are: it listens on loopback, and whoever opens it further puts a reverse proxy
with a login before it (docs/gateway.md).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from sqlalchemy import Engine, func, select
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from edge_daemon.wire.topics import KIOSK_ID
from gateway import authority, fleet_view, reports_view
from gateway.config import Config
from gateway.errors import GatewayError
from gateway.reading import reading
from gateway.tables import kiosk as registry
from gateway.web import answers, questions
from gateway.web.authority_dates import AuthorityDates
from gateway.web.scrape import HOLD_S, FleetCollector
from gateway.web.scrape import registry as of_metrics

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
EPOCH = date(1970, 1, 1)
LATEST_DAY = (date.max - EPOCH).days
Now = Callable[[], int]
"""Whole seconds since 1970-01-01 UTC."""

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    422: {"model": answers.Problem, "description": "A parameter is not what it should be."},
    503: {"model": answers.Problem, "description": "The database does not answer, or not in time."},
}
_CURSOR: dict[int | str, dict[str, Any]] = {
    400: {"model": answers.Problem, "description": "The cursor is none of this call's."}
}
_NOT_THERE: dict[int | str, dict[str, Any]] = {404: {"model": answers.Problem, "description": "There is none."}}

Id = Annotated[str, Path(description="The kiosk's id.", pattern=KIOSK_ID)]
DiagnosisId = Annotated[str, Path(description="The diagnosis's id.", pattern=r"^[0-9a-f]{32}$")]


def system_now() -> int:
    """The gateway's clock."""
    return int(time.time())


def build_app(engine: Engine, config: Config, now: Now = system_now, hold_s: float = HOLD_S) -> FastAPI:
    """The application. hold_s: for so long /metrics gives the same answer again."""
    dates = AuthorityDates(config.state.path() / authority.FOLDER)
    app = FastAPI(
        title="Krishi-Sandesh gateway",
        description="What the kiosks told. Times are whole seconds since 1970-01-01 UTC.",
        version="1",
        docs_url=None,  # its page loads programs from elsewhere
        redoc_url=None,
        responses=_PROBLEMS,
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_hosts(config))],
        exception_handlers={
            GatewayError: _explain,
            RequestValidationError: _explain_parameter,
            HTTPException: _explain_http,
        },
    )
    _add_fleet(app, engine, config, now)
    _add_reports(app, engine)
    _add_metrics(app, of_metrics(FleetCollector(engine, config.alerts, now, hold_s), dates))
    return app


def _hosts(config: Config) -> list[str]:
    """On loopback a web page that some browser here shows must not reach us by a name of its own (DNS rebinding)."""
    return list(LOOPBACK) if config.web.host in {"127.0.0.1", "::1", "localhost"} else ["*"]


def _add_fleet(app: FastAPI, engine: Engine, config: Config, now: Now) -> None:
    @app.get("/health", response_model=answers.Health, summary="Whether the gateway answers")
    def health() -> Any:
        with reading(engine) as db:
            newest = db.execute(select(func.max(registry.c.last_seen_at))).scalar_one()
        return {"status": "ok", "database": engine.dialect.name, "newest": newest}

    @app.get("/kiosks", response_model=answers.Kiosks, responses=_CURSOR, summary="The kiosks and their troubles")
    def kiosks(asked: Annotated[questions.KiosksQuery, Query()]) -> Any:
        page = fleet_view.kiosks(engine, config.alerts, now(), asked.asked(), asked.cursor, asked.limit)
        return {"kiosks": page.rows, "cursor": page.cursor}

    @app.get("/kiosks/{id}", response_model=answers.WholeKiosk, responses=_NOT_THERE, summary="All about one kiosk")
    def kiosk(id: Id) -> Any:
        return fleet_view.one(engine, config.alerts, now(), id)


def _add_reports(app: FastAPI, engine: Engine) -> None:
    @app.get("/diagnoses", response_model=answers.Diagnoses, responses=_CURSOR, summary="Diagnoses, the newest first")
    def diagnoses(asked: Annotated[questions.DiagnosesQuery, Query()]) -> Any:
        page = reports_view.diagnoses(engine, asked.wanted(), asked.cursor, asked.limit)
        return {"diagnoses": page.rows, "cursor": page.cursor}

    @app.get(
        "/ledger",
        response_model=answers.Ledger,
        response_model_exclude_unset=True,
        responses=_CURSOR,
        summary="Advices and questions, and what became of them",
    )
    def ledger(asked: Annotated[questions.LedgerQuery, Query()]) -> Any:
        page = reports_view.ledger_rows(engine, asked.wanted(), asked.farmers, asked.cursor, asked.limit)
        return {"rows": page.rows, "cursor": page.cursor}

    @app.get("/alarms", response_model=answers.Alarms, responses=_CURSOR, summary="Alarms, the newest first")
    def alarms(asked: Annotated[questions.AlarmsQuery, Query()]) -> Any:
        page = reports_view.alarms(engine, asked.wanted(), asked.cursor, asked.limit)
        return {"alarms": page.rows, "cursor": page.cursor}

    @app.get("/counts", response_model=answers.Counts, response_model_exclude_unset=True, summary="Diagnoses, counted")
    def counts(asked: Annotated[questions.CountsQuery, Query()]) -> Any:
        by = asked.by.split(",")
        rows = reports_view.counts(engine, tuple(by), asked.wanted(), 60 * asked.offset_min)
        return {"by": by, "counts": [_with_day(row) for row in rows]}

    @app.get("/aside", response_model=answers.Asides, responses=_CURSOR, summary="What could not be read")
    def aside(asked: Annotated[questions.AsideQuery, Query()]) -> Any:
        page = reports_view.aside_rows(engine, asked.kiosk, asked.cursor, asked.limit)
        return {"messages": page.rows, "cursor": page.cursor}

    @app.get(
        "/thumbnails/{kiosk}/{diagnosis}",
        response_class=JPEG,
        responses=_NOT_THERE,
        summary="The small picture of a case of which the kiosk was not sure",
    )
    def thumbnail(kiosk: Id, diagnosis: DiagnosisId) -> Response:
        return JPEG(reports_view.picture(engine, kiosk, diagnosis), headers={"X-Content-Type-Options": "nosniff"})


def _add_metrics(app: FastAPI, shown: CollectorRegistry) -> None:
    @app.get("/metrics", response_class=Response, include_in_schema=False)
    def metrics(request: Request) -> Response:
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(shown), headers={"Content-Type": kind})


class JPEG(Response):
    """A picture that came from outside: no browser shall take it for anything else."""

    media_type = "image/jpeg"


def _with_day(row: dict[str, Any]) -> dict[str, Any]:
    if "day" not in row:
        return row
    return {**row, "day": (EPOCH + timedelta(days=min(max(row["day"], 0), LATEST_DAY))).isoformat()}


async def _explain(_: Request, why: Exception) -> Response:
    assert isinstance(why, GatewayError)
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(why).__name__).lower()
    return _problem(name, str(why), why.http_status)


async def _explain_parameter(_: Request, why: Exception) -> Response:
    assert isinstance(why, RequestValidationError)
    return _problem("bad_parameter", "; ".join(_sentence(error) for error in why.errors()), 422)


def _sentence(error: Any) -> str:
    name = ".".join(str(step) for step in error["loc"][1:])
    if error["type"] == "extra_forbidden":
        return f"{name}: this call has no such parameter"
    return f"{name}: {str(error['msg']).removeprefix('Value error, ')}"


async def _explain_http(_: Request, why: Exception) -> Response:
    assert isinstance(why, HTTPException)
    return JSONResponse({"error": "http", "message": why.detail}, why.status_code, why.headers)


def _problem(error: str, message: str, status: int) -> Response:
    return JSONResponse({"error": error, "message": message}, status)
