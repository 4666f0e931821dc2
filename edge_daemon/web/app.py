"""The visit API: JSON over loopback HTTP. docs/visit-api.md shows every call.

Only programs of this machine reach it, and a web page that some browser here happens to show must not: the Host
header has to name loopback (against DNS rebinding), and a POST has to be JSON, which a foreign page cannot send
without a permission that is never given (Fetch standard, "CORS-safelisted request-header").
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from edge_daemon.errors import BadInput, KrishiError, PoorPhoto
from edge_daemon.judge import Stopwatch
from edge_daemon.visits import Visits

BODY_BYTES = 4096
NOTICE = re.compile(r"[a-z]{2}-[0-9a-f]{8}")
"""The id of a notice: its language, and a checksum of its text."""
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]

Status = Callable[[], Awaitable[dict[str, Any]]]
PERIOD = {"week", "since", "until"}
"""What GET /report takes."""


class BadRequest(BadInput):
    """The body is not what this call takes."""

    http_status = 400


class NoReference(BadInput):
    """No picture of this disease was put in."""

    http_status = 404


class References(Protocol):
    """Pictures to compare with: edge_daemon.references.References."""

    def path(self, label: str) -> Path | None: ...


class Report(Protocol):
    """Gives what `krishi-kiosk report` shows: edge_daemon.report_desk.gather. Raises BadPeriod, StateError."""

    async def __call__(self, *, week: bool, since: str | None, until: str | None) -> dict[str, Any]: ...


def build_app(visits: Visits, status: Status, references: References, report: Report) -> Starlette:
    """The application. status gives what `krishi-kiosk status` shows."""
    api = _Api(visits, status, references, report)
    return Starlette(
        routes=[
            Route("/visits", api.begin, methods=["POST"]),
            Route("/visits/{visit}", api.show, methods=["GET"]),
            Route("/visits/{visit}/photo", api.photograph, methods=["POST"]),
            Route("/references/{crop}/{disease}", api.reference, methods=["GET"]),
            Route("/visits/{visit}/farmer", api.text_advice, methods=["POST"]),
            Route("/visits/{visit}/share", api.share, methods=["POST"]),
            Route("/status", api.status, methods=["GET"]),
            Route("/report", api.report, methods=["GET"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=LOOPBACK)],
        exception_handlers={KrishiError: _explain, HTTPException: _explain_http, ClientDisconnect: _nobody_there},
    )


class _Api:
    def __init__(self, visits: Visits, status: Status, references: References, report: Report) -> None:
        self._visits = visits
        self._status = status
        self._references = references
        self._report = report

    async def begin(self, request: Request) -> Response:
        body = await _read(request, "language", "crop")
        visit = self._visits.begin(body.get("language"), body.get("crop"))
        return JSONResponse(self._visits.describe_visit(visit), 201)

    async def show(self, request: Request) -> Response:
        return JSONResponse(self._visits.show(request.path_params["visit"]))

    async def photograph(self, request: Request) -> Response:
        await _read(request)
        watch = Stopwatch()
        diagnosis = await self._visits.photograph(request.path_params["visit"], watch)
        stages = {stage: round(ms, 1) for stage, ms in watch.stages_ms.items()}
        seen = {"where": diagnosis.where or None, "stages_ms": stages}
        return JSONResponse({**self._visits.describe(diagnosis), **seen}, 201)

    async def reference(self, request: Request) -> Response:
        picture = self._references.path("/".join(request.path_params[name] for name in ("crop", "disease")))
        if picture is None:
            raise NoReference("There is no picture of that. A technician can add one: docs/technician.md.")
        return FileResponse(picture, media_type="image/jpeg")

    async def text_advice(self, request: Request) -> Response:
        body = await _read(request, "telephone", "language", "notice")
        if not body.get("telephone"):
            raise BadRequest('Give the telephone number: {"telephone": "98123 45678"}.')
        visit, notice = request.path_params["visit"], body.get("notice")
        if notice is not None and not NOTICE.fullmatch(notice):
            raise BadRequest("The notice is named by its id, which stands in the visit.")
        sms = self._visits.text_advice(visit, body["telephone"], body.get("language"), notice)
        return JSONResponse({"sms": sms.id, "text": sms.text}, 202)

    async def share(self, request: Request) -> Response:
        agreed = (await _read_object(request, "agreed")).get("agreed")
        if not isinstance(agreed, bool):
            raise BadRequest('Say whether they agreed: {"agreed": true} or {"agreed": false}.')
        return JSONResponse({"share": await self._visits.share(request.path_params["visit"], agreed=agreed)})

    async def status(self, _: Request) -> Response:
        return JSONResponse(await self._status())

    async def report(self, request: Request) -> Response:
        query = dict(request.query_params)
        if unknown := query.keys() - PERIOD:
            raise BadRequest(f"This call has no {min(unknown)!r}. It takes {', '.join(sorted(PERIOD))}.")
        if query.get("week", "1") != "1":
            raise BadRequest("week is 1, or left out.")
        data = await self._report(week="week" in query, since=query.get("since"), until=query.get("until"))
        return JSONResponse(data)


async def _read(request: Request, *keys: str) -> dict[str, str]:
    """The body's JSON object, with no other keys than these, each a string or null."""
    body = await _read_object(request, *keys)
    for key, value in body.items():
        if not isinstance(value, str | None):
            raise BadRequest(f"{key!r} has to be a string or null.")
    return {key: value for key, value in body.items() if value is not None}


async def _read_object(request: Request, *keys: str) -> dict[str, Any]:
    """The body's JSON object, with no other keys than these."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise BadRequest("Send JSON, with the header Content-Type: application/json.")
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > BODY_BYTES:
            raise BadRequest(f"The body has more than {BODY_BYTES} bytes.")
    try:
        body = json.loads(data or b"{}")
    except (ValueError, RecursionError) as why:
        raise BadRequest(f"The body is not JSON: {why}.") from why
    if not isinstance(body, dict):
        raise BadRequest("The body is not a JSON object.")
    for key in body:
        if key not in keys:
            raise BadRequest(f"This call has no {key!r}. It takes {', '.join(keys) or 'no values'}.")
    return body


async def _explain(_: Request, why: Exception) -> Response:
    assert isinstance(why, KrishiError)
    body = {"error": why.name, "message": str(why)}
    if isinstance(why, PoorPhoto):
        body |= {"fault": why.fault, "hint": why.hint}
    return JSONResponse(body, why.http_status)


async def _explain_http(_: Request, why: Exception) -> Response:
    assert isinstance(why, HTTPException)
    return JSONResponse({"error": "http", "message": why.detail}, why.status_code, why.headers)


async def _nobody_there(_: Request, why: Exception) -> Response:
    return Response(status_code=400)  # it reaches nobody: who asked has gone
