"""The service: the real program, with one provider and a key for Home Assistant."""

import secrets
from pathlib import Path

from aiohttp import ClientSession

from .process import Process, eventually, free_port

CONFIGURATION = """
[server]
listen = "127.0.0.1:{port}"
metrics_listen = "127.0.0.1:{metrics}"

[journal]
path = "{folder}/signout.redb"

[[provider]]
name = "home"
issuer = "{issuer}"
client_ids = ["home-assistant"]
allow_insecure_http = true

[[api_key]]
name = "home-assistant"
key = "{key}"
scopes = ["feed", "register", "check"]

[[api_key]]
name = "administrator"
key = "{admin}"
scopes = ["revoke"]
"""


class Service:
    def __init__(self, program: Path, folder: Path, issuer: str, session: ClientSession) -> None:
        self._session, self._issuer = session, issuer
        self.port, self._metrics = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.key, self._admin = secrets.token_hex(16), secrets.token_hex(16)
        configuration = folder / "signout.toml"
        configuration.write_text(
            CONFIGURATION.format(
                port=self.port,
                metrics=self._metrics,
                folder=folder,
                issuer=issuer,
                key=self.key,
                admin=self._admin,
            )
        )
        self._process = Process(
            folder / "signout.log.txt", str(program), "serve", "--config", str(configuration)
        )

    async def start(self) -> None:
        await self._process.start()
        await eventually("the service is ready", self._is_ready, 60)

    async def stop(self) -> None:
        await self._process.stop()

    async def _is_ready(self) -> bool:
        async with self._session.get(f"http://127.0.0.1:{self._metrics}/readyz") as response:
            return response.status == 200

    async def registered(self, session: str) -> int:
        """How many tokens the service knows of a session."""
        body = {"target": {"iss": self._issuer, "sid": session}, "reason": "admin"}
        async with self._session.post(
            f"{self.url}/v1/revocations?dry_run=true",
            json=body,
            headers={"Authorization": f"Bearer {self._admin}"},
        ) as response:
            return int((await response.json())["tokens_hit"])
