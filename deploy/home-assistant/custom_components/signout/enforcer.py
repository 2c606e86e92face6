"""The act: what is refused elsewhere ends here."""

from collections import Counter
from collections.abc import Iterable, Sequence

from homeassistant.auth.models import RefreshToken
from homeassistant.core import HomeAssistant, callback

from .book import Book
from .core.revocation import Change, Kind
from .core.roster import Login, Marks
from .guard import Guard
from .memory import Memory
from .pace import Pace
from .status import Status, logout_type


class Enforcer:
    """Removes refresh tokens, and with them bearer tokens, signed URLs, grants and websockets."""

    def __init__(
        self, hass: HomeAssistant, book: Book, guard: Guard, memory: Memory, status: Status
    ) -> None:
        """Say where the tokens are, and who stands before them."""
        self._auth, self._book, self._guard = hass.auth, book, guard
        self._memory, self._status = memory, status
        self.marks = Marks()

    async def apply(self, changes: Sequence[Change]) -> None:
        """Act on changes. When this is over, whoever they mean is signed out."""
        self.marks.add(changes)
        self._status.counts.changes += len(changes)
        pace = Pace()
        for change in changes:
            hit = self._book.roster.hit_by(change)
            if hit:
                await self._end(hit, change, pace)
            elif change.kind is Kind.SESSION and change.target is not None:
                self._status.counts.unknown_sessions += 1
            await pace.breathe()

    @callback
    def admit(self, login: Login) -> Change | None:
        """Look whether a login that has just come was refused before, and end it then."""
        mark = self.marks.against(login, self._book.roster.policy)
        if mark is not None:
            self.end_now([login.token_id], logout_type(mark), mark.reason)
        return mark

    @callback
    def end_now(self, token_ids: Iterable[str], kind: str, reason: str) -> int:
        """End a few tokens at once, and give how many there were."""
        found = (self._book.token(token_id) for token_id in token_ids)
        return self.end_tokens([token for token in found if token is not None], kind, reason)

    @callback
    def end_tokens(self, tokens: Iterable[RefreshToken], kind: str, reason: str) -> int:
        """End a few tokens at once, also such as no provider knows of."""
        users: Counter[str] = Counter()
        for token in tokens:
            if self._book.token(token.id) is not None:
                users[token.user.id] += 1
                self._remove(token)
        self._tell(users, kind, reason)
        return users.total()

    async def end_many(self, tokens: Sequence[RefreshToken], reason: str) -> int:
        """End any number of tokens, refused all at once and removed one after the other."""
        self._guard.end(token.id for token in tokens)
        pace, users = Pace(), Counter[str]()
        for token in tokens:
            if self._book.token(token.id) is not None:
                users[token.user.id] += 1
                self._remove(token)
            self._guard.removed(token.id)
            await pace.breathe()
        self._tell(users, "admin", reason)
        return users.total()

    async def _end(self, hit: list[Login], change: Change, pace: Pace) -> None:
        # From here on they are refused, however long it takes to remove them.
        self._guard.end(login.token_id for login in hit)
        users: Counter[str] = Counter()
        for login in hit:
            token = self._book.token(login.token_id)
            if token is not None:
                users[login.user_id] += 1
                self._remove(token)
            self._guard.removed(login.token_id)
            await pace.breathe()
        self._tell(users, logout_type(change), change.reason)

    def _remove(self, token: RefreshToken) -> None:
        self._auth.async_remove_refresh_token(token)

    def _tell(self, users: Counter[str], kind: str, reason: str) -> None:
        for user_id, count in users.items():
            self._status.ended(user_id, count, kind, reason)
        if users and self._status.last_logout is not None:
            self._memory.last_logout = int(self._status.last_logout.timestamp())
            self._memory.changed()
