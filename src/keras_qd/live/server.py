"""The application behind the page: files from memory, one WebSocket, and who may use them."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from keras_qd.errors import KerasQDError
from keras_qd.live import content
from keras_qd.live.messages import MOST_BYTES, pack, read_request
from keras_qd.live.worker import ROLES, Worker

#: Messages a second that a page may send in the long run, and at once; pages at a time.
_RATE, _BURST = 60.0, 240.0
_MOST_PAGES = 16

#: Answers that wait for a slow page before older ones are dropped.
_MOST_ANSWERS = 32

#: Kind of request -> role of the process that answers.
_ROLE_OF = {
    "draft": "draft",
    "sample": "draft",
    "solve": "exact",
    "predict": "model",
    "invert": "inverse",
}

#: Sent with everything. Nothing is loaded from elsewhere, nothing embeds the page, and the address
#: with its token is not passed on.
_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "object-src 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Page:
    """What is served: the token, the names by which it may be addressed, grid and run."""

    token: str
    hosts: frozenset[str]
    n_pixels: int
    run: str | None = None


class Guard:
    """Refuses requests by foreign names, from foreign pages, without the token or with a body."""

    def __init__(self, app: ASGIApp, page: Page) -> None:
        self.app, self.page = app, page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request, or answer with the refusal."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refused = self.refusal(scope)
        if refused is None:
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).close(1008)
        else:
            status, text = refused
            await PlainTextResponse(text, status)(scope, receive, _with_headers(send))

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Return status and text of a refusal, None for a request that is allowed."""
        headers = Headers(scope=scope)
        if headers.get("host", "").lower() not in self.page.hosts:
            return 421, "this server is not addressed by that name"
        if not self._from_here(headers.get("origin"), scope["type"] == "websocket"):
            return 403, "requests from other pages are refused"
        token = scope["path"].split("/")[1]
        if not secrets.compare_digest(token.encode(), self.page.token.encode()):
            return 404, "not found: use the address that keras-qd live printed, token included"
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            return 405, "only GET and HEAD are allowed"
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            return 413, "requests with a body are refused"
        return None

    def _from_here(self, origin: str | None, required: bool) -> bool:
        """Whether a request comes from the page itself; browsers always say so for WebSockets."""
        if origin is None:
            return not required
        parts = urlsplit(origin)
        return parts.scheme == "http" and parts.netloc.lower() in self.page.hosts


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            extra = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
            message["headers"] = [*message["headers"], *extra]
        await send(message)

    return sending


@dataclass(eq=False)
class Visit:
    """One open page: the answers that wait for it, and how fast it may ask."""

    answers: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(_MOST_ANSWERS))
    allowance: float = _BURST
    asked: float = field(default_factory=time.monotonic)

    def deliver(self, message: bytes) -> None:
        """Queue an answer; where a page does not read, drop the oldest."""
        if self.answers.full():
            self.answers.get_nowait()
        self.answers.put_nowait(message)

    def may_ask(self) -> bool:
        """Whether another request is within the rate."""
        now = time.monotonic()
        self.allowance = min(_BURST, self.allowance + _RATE * (now - self.asked)) - 1
        self.asked = now
        return self.allowance >= 0


class Desk:
    """Takes the requests of all pages to the processes."""

    def __init__(self, run: str | None) -> None:
        self.visits: set[Visit] = set()
        self.workers = {role: Worker(role, run, self.broadcast) for role in ROLES}

    def broadcast(self, message: bytes) -> None:
        """Deliver a message to all pages."""
        for visit in self.visits:
            visit.deliver(message)

    def take(self, visit: Visit, message: bytes) -> None:
        """Pass on a request; answer one that cannot be read."""
        try:
            request = read_request(message)
        except KerasQDError as error:
            visit.deliver(pack({"event": "refused", "message": str(error)}))
            return
        if request.kind == "stop":
            self.workers["inverse"].drop(visit)
            return
        if request.kind == "draft":  # the pen moves on: the full solution is out of date
            self.workers["exact"].drop(visit, request.id)
        self.workers[_ROLE_OF[request.kind]].submit(visit, request)

    def leave(self, visit: Visit) -> None:
        """Forget a page that was closed."""
        self.visits.discard(visit)
        for worker in self.workers.values():
            worker.drop(visit)

    def close(self) -> None:
        """End the processes."""
        for worker in self.workers.values():
            worker.close()

    async def attend(self, socket: WebSocket) -> None:
        """Answer one page until it is closed, or asks too much."""
        if len(self.visits) >= _MOST_PAGES:
            await socket.close(1013)
            return
        await socket.accept()
        visit = Visit()
        self.visits.add(visit)
        sending = asyncio.create_task(_send_answers(socket, visit))
        try:
            with suppress(WebSocketDisconnect):
                await self._read(socket, visit)
        finally:
            sending.cancel()
            self.leave(visit)

    async def _read(self, socket: WebSocket, visit: Visit) -> None:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if not visit.may_ask():
                await socket.close(1008, "too many requests")
                return
            self.take(visit, message.get("bytes") or b"")


async def _send_answers(socket: WebSocket, visit: Visit) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.send_bytes(await visit.answers.get())


def application(page: Page, desk: Desk) -> ASGIApp:
    """Return the application: the files of the page, its settings, its WebSocket."""
    files = {
        **content.page_files(),
        "settings.json": content.written(
            content.settings(page.n_pixels, "server", has_run=page.run is not None)
        ),
        "gates.bin": content.gate_shares(page.n_pixels).tobytes(),
    }
    files[""] = files["index.html"]

    async def send_file(request: HttpRequest) -> Response:
        name = request.path_params.get("name", "")
        if name not in files:
            return PlainTextResponse("not found", 404)
        suffix = name[name.rfind(".") :] if name else ".html"
        return Response(files[name], media_type=content.TYPES[suffix])

    routes: list[Any] = [
        WebSocketRoute("/{token}/socket", desk.attend),
        Route("/{token}/{name}", send_file),
        Route("/{token}/", send_file),
    ]
    served = Starlette(routes=routes)
    served.router.redirect_slashes = False
    return Guard(served, page)


async def run_server(page: Page, listening: socket.socket, started: Callable[[], object]) -> None:
    """Serve until interrupted."""
    desk = Desk(page.run)
    config = uvicorn.Config(
        application(page, desk),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=MOST_BYTES,
        ws_per_message_deflate=False,  # floats hardly shrink, and it takes longer than to send them
        limit_concurrency=4 * _MOST_PAGES,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    try:
        if server.started:
            started()
        await serving
    finally:
        desk.close()
