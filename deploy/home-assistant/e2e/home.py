"""A Home Assistant, used over HTTP and websockets as its own pages and apps do."""

import asyncio
import json
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from .process import Process, eventually, free_port

HERE = Path(__file__).parent
CONFIGURATION = """
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
config:
auth_oidc:
logger:
  default: info
"""


@dataclass
class Session:
    """What a browser holds, and one open socket."""

    home: "Home"
    access: str
    refresh: str
    socket: ClientWebSocketResponse
    signed: str = ""
    ids: int = 0

    async def ask(self, type_: str, **fields: Any) -> Any:
        """Sends a command over the socket."""
        self.ids += 1
        await self.socket.send_json({"id": self.ids, "type": type_} | fields)
        while True:
            answer = await self.socket.receive_json(timeout=20)
            if answer["id"] == self.ids and answer["type"] == "result":
                assert answer["success"], answer
                return answer["result"]

    async def bearer(self) -> int:
        return await self.home.status("GET", "/api/", token=self.access)

    async def url(self) -> int:
        return await self.home.status("GET", self.signed)

    async def grant(self) -> int:
        data = {
            "grant_type": "refresh_token",
            "refresh_token": self.refresh,
            "client_id": self.home.client,
        }
        return await self.home.status("POST", "/auth/token", data=data)

    async def closed(self) -> float:
        """Waits until the socket is closed, and says when, by the monotonic clock."""
        while (await self.socket.receive(timeout=10)).type not in (
            WSMsgType.CLOSE,
            WSMsgType.CLOSED,
            WSMsgType.CLOSING,
        ):
            pass
        return time.monotonic()

    async def is_over(self) -> None:
        """Bearer, signed URL, grant and a new socket are refused."""
        seen = (await self.bearer(), await self.url(), await self.grant())
        assert seen == (401, 401, 400), seen
        assert await self.home.opens(self.access) is None

    async def is_alive(self) -> None:
        seen = (await self.bearer(), await self.url(), await self.grant())
        assert seen == (200, 200, 200), seen
        if not self.socket.closed:
            await self.ask("auth/current_user")


class Home:
    def __init__(self, folder: Path, session: ClientSession) -> None:
        self._session = session
        self._folder = folder
        self.log = folder.parent / "home-assistant.log.txt"
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        self.client = f"{self.base}/"
        components = folder / "custom_components"
        shutil.copytree(HERE.parent / "custom_components", components)
        shutil.copytree(HERE / "stand_in", components, dirs_exist_ok=True)
        (folder / "configuration.yaml").write_text(CONFIGURATION.format(port=port))
        hass = str(Path(sys.executable).parent / "hass")
        # Voice assistants need a compiler, and nobody here speaks.
        skipped = ("--skip-pip-packages", "pymicro-vad,pyspeex-noise")
        self._process = Process(self.log, hass, "-c", str(folder), *skipped)

    async def start(self) -> float:
        """Starts it, and says how many seconds it took until it answered."""
        began = time.monotonic()
        await self._process.start()
        await eventually("Home Assistant answers", self._answers, 180)
        return time.monotonic() - began

    async def is_running(self, access: str) -> None:
        """Waits until everything is started. Before, it takes a request to stop for a kill."""

        async def runs() -> bool:
            return (await self.call("/api/config", token=access))["state"] == "RUNNING"

        await eventually("Home Assistant runs", runs, 60)

    async def stop(self, access: str | None = None) -> None:
        if access is not None:
            await self.is_running(access)
        await self._process.stop()

    async def kill(self) -> None:
        await self._process.stop(signal.SIGKILL)

    async def _answers(self) -> bool:
        return await self.status("GET", "/api/") == 401

    async def status(
        self, method: str, path: str, *, token: str | None = None, data: Any = None
    ) -> int:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with self._session.request(
            method, self.base + path, headers=headers, data=data
        ) as response:
            return response.status

    async def call(
        self, path: str, body: Any = None, *, token: str | None = None, form: Any = None
    ) -> Any:
        """Posts JSON or a form, or gets if there is neither."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        method = "GET" if body is None and form is None else "POST"
        async with self._session.request(
            method, self.base + path, headers=headers, json=body, data=form
        ) as response:
            text = await response.text()
            assert response.status < 300, (path, response.status, text)
            return json.loads(text)

    async def onboard(self) -> Session:
        """Makes the owner."""
        answer = await eventually("onboarding", self._onboarded, 60)
        owner = await self._session_of(answer["auth_code"])
        # Address and port of the configuration are on trial, and given up after five minutes.
        await owner.ask("http/config/promote")
        return owner

    async def _onboarded(self) -> Any:
        body = {
            "client_id": self.client,
            "name": "Owner",
            "username": "owner",
            "password": "owner-password",
            "language": "en",
        }
        try:
            return await self.call("/api/onboarding/users", body)
        except AssertionError:
            # Its pages come after the first answers.
            return None

    async def log_in(self, provider: str, provider_id: str | None, **given: str) -> Session:
        body = {
            "client_id": self.client,
            "handler": [provider, provider_id],
            "redirect_uri": f"{self.base}/?auth_callback=1",
        }
        flow = await self.call("/auth/login_flow", body)
        answer = await self.call(
            f"/auth/login_flow/{flow['flow_id']}", {"client_id": self.client} | given
        )
        assert answer["type"] == "create_entry", answer
        return await self._session_of(answer["result"])

    async def sso(self, claims: dict[str, str]) -> Session:
        return await self.log_in("auth_oidc", "default", code=json.dumps(claims))

    async def _session_of(self, code: str) -> Session:
        form = {"grant_type": "authorization_code", "code": code, "client_id": self.client}
        tokens = await self.call("/auth/token", form=form)
        socket = await self.opens(tokens["access_token"])
        assert socket is not None
        session = Session(self, tokens["access_token"], tokens["refresh_token"], socket)
        signed = await session.ask("auth/sign_path", path="/api/", expires=3600)
        session.signed = signed["path"]
        return session

    async def opens(self, access: str) -> ClientWebSocketResponse | None:
        """Opens a socket; `None` if it is refused."""
        socket = await self._session.ws_connect(f"{self.base}/api/websocket")
        assert (await socket.receive_json())["type"] == "auth_required"
        await socket.send_json({"type": "auth", "access_token": access})
        answer = await socket.receive_json()
        if answer["type"] == "auth_ok":
            return socket
        await socket.close()
        return None

    async def state(self, access: str, entity: str) -> str | None:
        if await self.status("GET", f"/api/states/{entity}", token=access) != 200:
            return None
        found = await self.call(f"/api/states/{entity}", token=access)
        return str(found["state"])

    async def follows(self, access: str, state: str = "on", seconds: float = 60) -> None:
        async def seen() -> bool:
            return await self.state(access, "binary_sensor.signout_feed") == state

        await eventually(f"the feed is {state}", seen, seconds)

    async def set_up_signout(self, owner: Session, url: str, key: str) -> None:
        flow = await eventually("flows can be begun", lambda: self._flow(owner), 60)
        done = await self.call(
            f"/api/config/config_entries/flow/{flow['flow_id']}",
            {"url": url, "api_key": key, "verify_ssl": True},
            token=owner.access,
        )
        assert done["type"] == "create_entry", done

    async def _flow(self, owner: Session) -> Any:
        path = "/api/config/config_entries/flow"
        try:
            return await self.call(path, {"handler": "signout"}, token=owner.access)
        except AssertionError:
            return None

    async def issues(self, owner: Session) -> set[str]:
        found = await owner.ask("repairs/list_issues")
        return {issue["issue_id"] for issue in found["issues"] if issue["domain"] == "signout"}


async def reconnect(session: Session) -> None:
    """Opens the socket again after a restart."""
    socket = await session.home.opens(session.access)
    assert socket is not None
    session.socket, session.ids = socket, 0
    # What was signed before a restart is good for nobody after it.
    session.signed = (await session.ask("auth/sign_path", path="/api/", expires=3600))["path"]


async def pause(seconds: float) -> None:
    """For the one thing here that is about time: how soon after a logout something crashes."""
    await asyncio.sleep(seconds)
