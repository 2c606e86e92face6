"""A service on loopback, for tests. It says what it is told to say."""

import asyncio
import json
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from custom_components.signout.core.digest import DigestKey
from custom_components.signout.core.revocation import Kind
from tests.packs import SECRET, snapshot

KEY = "0123456789abcdef"
EPOCH = "00000000000000aa"
ISSUER = "https://op.example"
NEVER = 2**53 - 1
DIGESTS = DigestKey(SECRET)


def change(kind: Kind, value: str = "", *, named: bool = True, **fields: object) -> dict[str, Any]:
    """A change as the feed tells it; without `named` as it tells what another instance took."""
    told: dict[str, Any] = {
        "kind": kind.value,
        "digest": f"{DIGESTS.digest(kind, ISSUER, value):032x}",
        "issued_before": None,
        "offline": False,
        "long_lived": False,
        "retain_until": None,
        "reason": "backchannel_logout",
        "revoked_at": 1,
    }
    if named:
        identifier = {Kind.TOKEN: "jti", Kind.SESSION: "sid", Kind.SUBJECT: "sub"}
        told |= {"iss": ISSUER}
        if kind in identifier:
            told[identifier[kind]] = value
        if kind is Kind.CLIENT:
            told["client_id"] = value
    return told | fields


def heartbeat(seq: int, previous: int = 0, staleness: int = 0) -> str:
    """A heartbeat of a journal with nothing of interest behind `previous`."""
    data = {
        "staleness_ms": staleness,
        "elapsed_ms": 0,
        "time": 10_000,
        "previous": previous,
    }
    return frame("heartbeat", data, seq)


def changes(seq: int, *told: dict[str, Any], previous: int | None = None) -> str:
    data = {"previous": seq - 1 if previous is None else previous, "changes": told}
    return frame("changes", data, seq)


def frame(event: str, data: object, seq: int | None = None) -> str:
    at = "" if seq is None else f"id: {EPOCH}.{seq}\n"
    return f"event: {event}\n{at}data: {json.dumps(data)}\n\n"


class Service:
    """Answers the requests of the component."""

    def __init__(self) -> None:
        self.snapshot = snapshot([])
        self.key = KEY
        self.status: dict[str, int] = {}
        self.asked: list[str | None] = []
        """The positions that streams began at."""
        self.snapshots = 0
        self.registered: list[dict[str, Any]] = []
        self.forgotten: list[str] = []
        self.result = "registered"
        self.revoked: set[str] = set()
        self.opening: list[str] = [heartbeat(12)]
        """What every stream begins with."""
        self._streams: list[asyncio.Queue[str | None]] = []
        self._came = asyncio.Condition()
        app = web.Application()
        app.router.add_get("/v1/feed", self._feed)
        app.router.add_get("/v1/snapshot", self._snapshot)
        app.router.add_post("/v1/tokens", self._register)
        app.router.add_delete("/v1/tokens", self._forget)
        app.router.add_post("/v1/check", self._check)
        self._server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self._server.make_url("/"))

    async def start(self) -> None:
        await self._server.start_server()

    async def stop(self) -> None:
        self.say(None)
        await self._server.close()

    def say(self, frames: str | None) -> None:
        """Say something on all streams; `None` ends them."""
        for stream in self._streams:
            stream.put_nowait(frames)

    async def streams(self, count: int) -> None:
        """Wait until so many streams were asked for."""
        async with self._came:
            await asyncio.wait_for(self._came.wait_for(lambda: len(self.asked) >= count), 10)

    def _refusal(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.Response(status=401)
        status = self.status.get(request.path)
        return None if status is None else web.Response(status=status)

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        stream: asyncio.Queue[str | None] = asyncio.Queue()
        self._streams.append(stream)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for frames in self.opening:
            await response.write(frames.encode())
        async with self._came:
            self.asked.append(request.query.get("after"))
            self._came.notify_all()
        try:
            while (frames := await stream.get()) is not None:
                await response.write(frames.encode())
        except ConnectionError:
            pass
        finally:
            self._streams.remove(stream)
        return response

    async def _snapshot(self, request: web.Request) -> web.Response:
        self.snapshots += 1
        # Responses without a body are false in some versions of aiohttp.
        refusal = self._refusal(request)
        return web.Response(body=self.snapshot) if refusal is None else refusal

    async def _register(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        tokens = await request.json()
        if not tokens or any(token["iss"] != ISSUER for token in tokens):
            return web.json_response({}, status=400)
        self.registered += tokens
        return web.json_response([{"status": self.result} for _ in tokens])

    async def _check(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        tokens = await request.json()
        verdicts = ({"revoked": token["jti"] in self.revoked} for token in tokens)
        return web.json_response(list(verdicts))

    async def _forget(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        body = await request.json()
        if body["iss"] != ISSUER:
            return web.json_response({}, status=400)
        self.forgotten += body["jti"]
        return web.json_response({"forgotten": len(body["jti"])})
