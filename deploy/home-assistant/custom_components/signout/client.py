"""The service over HTTP, on Home Assistant's own session."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from yarl import URL

from .const import SILENCE
from .core.event import Event, EventError, parse
from .core.position import Position
from .core.sse import Parser, TooLongError

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_STREAM: Final = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=SILENCE)
_PIECE: Final = 64 << 10
BATCH: Final = 1_000
"""Tokens in one request, as many as the service takes."""


class SignoutError(Exception):
    """The service could not be asked, or gave no answer that can be used."""


class KeyRejectedError(SignoutError):
    """The api key is unknown, or may not do this."""


class UnreachableError(SignoutError):
    """Nobody answers. It may be asked again."""


class UnusableError(SignoutError):
    """Somebody answers, but not as signout does."""


class SignoutClient:
    """One service, and the key that it knows us by.

    Follows no redirects: they would take the key along.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, api_key: str) -> None:
        """Say where the service is. The url is that of its root."""
        self._session = session
        self._root = URL(url.rstrip("/"))
        self._headers = {"Authorization": f"Bearer {api_key}"}

    async def probe(self) -> None:
        """See that service and key are good for all that is needed, and change nothing."""
        async with self.follow(None) as events:
            async for _ in events:
                break
            else:
                raise UnusableError("the feed ended before it began")
        # A list of no tokens registers none, but only keys that may register get that far.
        await self._call("POST", "v1/tokens", [], but=(HTTPStatus.BAD_REQUEST,))

    @asynccontextmanager
    async def follow(self, after: Position | None) -> AsyncIterator[AsyncIterator[Event]]:
        """Follow the feed behind a position, or from now on."""
        query = {} if after is None else {"after": str(after)}
        async with self._ask("GET", "v1/feed", query=query, limits=_STREAM) as response:
            if response.content_type != "text/event-stream":
                raise UnusableError(f"the feed is {response.content_type}: is this signout's URL?")
            yield _events(response)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """Take the bytes of all that is refused."""
        async with self._ask("GET", "v1/snapshot", limits=_STREAM) as response:
            yield response.content.iter_chunked(_PIECE)

    async def register(self, tokens: Sequence[Mapping[str, object]]) -> list[str]:
        """Register at most `BATCH` tokens, and give what became of each."""
        answer = await self._call("POST", "v1/tokens", list(tokens))
        if not isinstance(answer, list) or len(answer) != len(tokens):
            raise UnusableError("the answer to a registration has another form")
        return [str(result.get("status")) for result in answer if isinstance(result, dict)]

    async def forget(self, issuer: str, token_ids: Sequence[str]) -> None:
        """Let go of at most `BATCH` tokens that ended."""
        await self._call("DELETE", "v1/tokens", {"iss": issuer, "jti": list(token_ids)})

    async def check(self, facts: Sequence[Mapping[str, object]]) -> list[str | None]:
        """Ask about at most `BATCH` tokens, and give why each is revoked, or `None`."""
        answers = await self._call("POST", "v1/check", list(facts))
        if not isinstance(answers, list) or len(answers) != len(facts):
            raise UnusableError("the answer to a check has another form")
        return [
            str(answer.get("reason") or "admin") if answer.get("revoked") is True else None
            for answer in answers
            if isinstance(answer, dict)
        ]

    async def _call(
        self, method: str, path: str, body: object, *, but: tuple[int, ...] = ()
    ) -> Any:
        async with self._ask(method, path, body=body, but=but) as response:
            try:
                return await response.json(content_type=None)
            except ValueError as error:
                raise UnusableError("the answer is no JSON") from error

    @asynccontextmanager
    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        limits: aiohttp.ClientTimeout = _TIMEOUT,
        but: tuple[int, ...] = (),
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            async with self._session.request(
                method,
                self._root.joinpath(*path.split("/")).with_query(query or {}),
                headers=self._headers,
                json=body,
                timeout=limits,
                allow_redirects=False,
            ) as response:
                _check(response.status, but)
                yield response
        except (EventError, TooLongError) as error:
            raise UnusableError(str(error)) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            # The text of these names host and port, which are ours, and nothing of the answer.
            raise UnreachableError(f"{type(error).__name__}: {error}") from error


def _check(status: int, but: tuple[int, ...]) -> None:
    if status == HTTPStatus.OK or status in but:
        return
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise KeyRejectedError("the api key is unknown, or lacks the scopes feed and register")
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UnreachableError(f"the service answers {status}")
    raise UnusableError(f"the service answers {status}: is this signout's URL?")


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    parser = Parser()
    async for piece in response.content.iter_any():
        for message in parser.push(piece):
            event = parse(message)
            if event is not None:
                yield event
