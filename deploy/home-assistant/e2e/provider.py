"""A provider that signs logout tokens and posts them."""

import json
import time
import uuid
from typing import Any

import jwt
from aiohttp import ClientSession, web
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT = "home-assistant"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Provider:
    def __init__(self, session: ClientSession) -> None:
        self._session = session
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.issuer = ""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/jwks", self._jwks)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.issuer = f"http://{host}:{port}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    def claims(self, subject: str, session: str) -> dict[str, str]:
        """What an ID token would say."""
        return {"iss": self.issuer, "sub": subject, "sid": session, "aud": CLIENT}

    async def log_out(self, service: str, **whom: str) -> float:
        """Posts a logout token, and says when, by the monotonic clock."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 120,
            "jti": uuid.uuid4().hex,
            "events": {EVENT: {}},
        } | whom
        token = jwt.encode(claims, self._key, "RS256", {"typ": "logout+jwt", "kid": "e2e"})
        posted = time.monotonic()
        url = f"{service}/backchannel-logout"
        async with self._session.post(url, data={"logout_token": token}) as response:
            assert response.status == 200, await response.text()
        return posted

    async def _discovery(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "jwks_uri": f"{self.issuer}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def _jwks(self, _: web.Request) -> web.Response:
        key: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return web.json_response({"keys": [key | {"kid": "e2e", "alg": "RS256", "use": "sig"}]})
