"""Where kiosks ask for their certificates: a small HTTPS server. docs/identity.md shows both calls.

    POST /enrol   {"token", "csr"}                      -> {"certificate"}
    POST /renew   {"csr", "certificate", "signature"}   -> {"certificate"}

Whoever calls has no certificate yet, or one that has expired: anybody can reach this. So a body has a bound, calls in a
minute have one (gateway/calls.py), and an answer that is none is {"error", "detail"} with the status of its error.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway import lists
from gateway.authority import ENROLMENT, FOLDER, Authority, now_utc
from gateway.calls import Calls
from gateway.certificates import MOST_PEM_CHARACTERS
from gateway.config import Config
from gateway.errors import BadRequest, GatewayError
from gateway.fleet import Fleet
from gateway.serve import TlsFiles
from gateway.store import Store
from gateway.upkeep import tidy

MOST_BODY_BYTES = 12_000
UPKEEP_S = 86_400.0

log = logging.getLogger(__name__)
Pem = Annotated[str, Field(max_length=MOST_PEM_CHARACTERS)]
Changed = Callable[[], object]
"""Called when the broker's lists have to be written anew."""
M = TypeVar("M", bound=BaseModel)


class BadBody(BadRequest):
    """The body is not what this call takes."""

    http_status = 400


class Enrol(BaseModel):
    """What a kiosk with an invitation sends."""

    model_config = ConfigDict(strict=True)

    token: Annotated[str, Field(max_length=100)]
    csr: Pem


class Renew(BaseModel):
    """What a kiosk with a certificate sends."""

    model_config = ConfigDict(strict=True)

    csr: Pem
    certificate: Pem
    signature: Annotated[str, Field(max_length=200)]
    """Base64. By the certificate's key, over the DER of the CSR (ECDSA, SHA-256)."""


def build_app(store: Store, config: Config) -> Starlette:
    """The application, and the lists written anew once. Raises AuthorityError, DatabaseError."""
    authority = Authority.open(config.state.path() / FOLDER)
    fleet = Fleet(store, authority, config.authority)
    keep(store, config, authority, fleet)
    return app_of(fleet, lambda: _renew_lists(config, authority, fleet), Calls())


def tls_files(config: Config) -> TlsFiles:
    """What it is served with."""
    folder = config.state.path() / FOLDER
    return TlsFiles(folder / f"{ENROLMENT}.crt", folder / f"{ENROLMENT}.key")


def app_of(fleet: Fleet, changed: Changed, calls: Calls) -> Starlette:
    """The application over these kiosks."""
    api = _Api(fleet, changed, calls)
    return Starlette(
        routes=[
            Route("/enrol", api.enrol, methods=["POST"]),
            Route("/renew", api.renew, methods=["POST"]),
        ],
        exception_handlers={GatewayError: _explain, HTTPException: _explain_http, ClientDisconnect: _nobody_there},
    )


def keep(store: Store, config: Config, authority: Authority, fleet: Fleet) -> None:
    """What has to be done now and then: certificates and lists in time, and what nobody needs any more removed.

    Raises AuthorityError, DatabaseError.
    """
    if authority.renew_own(now_utc()):
        log.warning("The servers' certificates were made anew. Restart the gateway, and reload the broker.")
    _renew_lists(config, authority, fleet)
    if removed := tidy(store, int(now_utc().timestamp())):
        log.info("Removed what nobody needs any more: %s.", ", ".join(f"{n} of {name}" for name, n in removed.items()))


async def keep_daily(store: Store, config: Config) -> None:
    """For ever."""
    while True:
        await asyncio.sleep(UPKEEP_S)
        try:
            authority = Authority.open(config.state.path() / FOLDER)
            await run_in_threadpool(keep, store, config, authority, Fleet(store, authority, config.authority))
        except GatewayError as why:
            log.warning("%s", why)


def _renew_lists(config: Config, authority: Authority, fleet: Fleet) -> None:
    to_do = lists.renew(config, authority, fleet, only_news=True)
    if to_do:
        log.info("%s", to_do)


class _Api:
    def __init__(self, fleet: Fleet, changed: Changed, calls: Calls) -> None:
        self._fleet = fleet
        self._changed = changed
        self._calls = calls

    async def enrol(self, request: Request) -> Response:
        asked = await self._read(request, Enrol)
        done = await run_in_threadpool(self._fleet.enrol, asked.token, asked.csr)
        if done.lists_change:
            await run_in_threadpool(self._tell_broker)
        return JSONResponse({"certificate": done.certificate})

    async def renew(self, request: Request) -> Response:
        asked = await self._read(request, Renew)
        signature = _from_base64(asked.signature)
        made = await run_in_threadpool(self._fleet.renew, asked.csr, asked.certificate, signature)
        return JSONResponse({"certificate": made})

    def _tell_broker(self) -> None:
        """The kiosk has its certificate, come what may; the lists are written again at the next chance."""
        try:
            self._changed()
        except GatewayError as why:
            log.warning("%s", why)

    async def _read(self, request: Request, kind: type[M]) -> M:
        self._calls.count(request.client.host if request.client else "")
        try:
            return kind.model_validate_json(await _body(request))
        except ValidationError as why:
            first = why.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the body"
            raise BadBody(f"{where}: {first['msg']}.") from why


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise BadBody(f"The body has more than {MOST_BODY_BYTES} bytes.")
    return bytes(body)


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as why:  # binascii.Error is one, and so is what a letter beyond ASCII raises
        raise BadBody("signature: is not base64.") from why


async def _explain(_: Request, why: Exception) -> Response:
    assert isinstance(why, GatewayError)
    if why.http_status >= 500:
        log.warning("%s", why)
        return _answer(type(why).__name__, "The gateway cannot do this now. Ask again later.", why.http_status)
    return _answer(type(why).__name__, str(why), why.http_status)


async def _explain_http(_: Request, why: Exception) -> Response:
    assert isinstance(why, HTTPException)
    return _answer("Http", f"{why.detail}.", why.status_code)


async def _nobody_there(_: Request, why: Exception) -> Response:
    return Response(status_code=400)


def _answer(error: str, detail: str, status: int) -> Response:
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in error).removeprefix("_")
    return JSONResponse({"error": words, "detail": detail}, status)
