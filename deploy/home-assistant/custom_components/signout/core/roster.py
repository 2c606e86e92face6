"""Which refresh tokens a change ends."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from .identity import Name, names_of
from .revocation import Change, Kind


class LongLivedPolicy(StrEnum):
    """When the long-lived tokens of a user end, which outlive logins and belong to none."""

    USER_EVENTS = "user_events"
    """With everything that signs out the user as a whole."""
    AS_TOLD = "as_told"
    """If the change says that such tokens are meant."""
    NEVER = "never"
    """Only by hand."""

    def ends(self, change: Change) -> bool:
        """Whether a change ends the long-lived tokens of those it is about."""
        if change.kind is not Kind.SUBJECT:
            return False
        return self is LongLivedPolicy.USER_EVENTS or (
            self is LongLivedPolicy.AS_TOLD and change.long_lived
        )


@dataclass(frozen=True, slots=True)
class Login:
    """A refresh token that may have to end. `created_at` is in seconds since 1970."""

    token_id: str
    user_id: str
    created_at: float
    names: frozenset[Name]
    is_long_lived: bool = False

    def is_hit_by(self, change: Change, policy: LongLivedPolicy) -> bool:
        """Whether a change that has one of its names ends it."""
        if self.is_long_lived and not policy.ends(change):
            return False
        # Changes count whole seconds, and the one they name is meant.
        return change.issued_before is None or int(self.created_at) <= change.issued_before


class Roster:
    """The refresh tokens that a logout can reach, by everything that reaches them."""

    def __init__(self, policy: LongLivedPolicy) -> None:
        """Begin with none."""
        self.policy = policy
        self._logins: dict[str, Login] = {}
        self._by_name: dict[Name, set[str]] = {}

    def __len__(self) -> int:
        """Count them."""
        return len(self._logins)

    def __iter__(self) -> Iterator[Login]:
        """Go through all of them."""
        return iter(self._logins.values())

    def get(self, token_id: str) -> Login | None:
        """Give the login of a refresh token."""
        return self._logins.get(token_id)

    def add(self, login: Login) -> None:
        """Take a refresh token in, or know it better."""
        self.discard(login.token_id)
        self._logins[login.token_id] = login
        for name in login.names:
            self._by_name.setdefault(name, set()).add(login.token_id)

    def discard(self, token_id: str) -> None:
        """Leave a refresh token out."""
        login = self._logins.pop(token_id, None)
        if login is None:
            return
        for name in login.names:
            holders = self._by_name[name]
            holders.remove(token_id)
            if not holders:
                del self._by_name[name]

    def holders(self, names: Iterable[Name]) -> set[str]:
        """Give the ids of the refresh tokens that have one of these names."""
        return {token_id for name in names for token_id in self._by_name.get(name, ())}

    def hit_by(self, change: Change) -> list[Login]:
        """Give the refresh tokens that a change ends."""
        logins = (self._logins[token_id] for token_id in self.holders(names_of(change)))
        return [login for login in logins if login.is_hit_by(change, self.policy)]


class Marks:
    """What was refused so far, for logins that come after it: a session that ended stays ended.

    There is no removal but expiry, and no limit: what is forgotten too early is un-revoked. Changes
    against single tokens are left out. A refresh token is older than any change against it.
    """

    def __init__(self) -> None:
        """Begin with nothing refused."""
        self._marks: dict[Name, Change] = {}

    def __len__(self) -> int:
        """Count them."""
        return len(self._marks)

    def add(self, changes: Iterable[Change]) -> None:
        """Remember changes. Of two for one target, the stricter of each part holds."""
        for change in changes:
            if change.kind is Kind.TOKEN:
                continue
            for name in names_of(change):
                known = self._marks.get(name)
                self._marks[name] = change if known is None else _merged(known, change)

    def against(self, login: Login, policy: LongLivedPolicy) -> Change | None:
        """Give a change that a login comes too late for."""
        for name in login.names:
            mark = self._marks.get(name)
            if mark is not None and login.is_hit_by(mark, policy):
                return mark
        return None

    def expire(self, now: int) -> None:
        """Forget what is over by the service's clock. Ours may be wrong."""
        over = [
            name
            for name, mark in self._marks.items()
            if mark.retain_until is not None and mark.retain_until < now
        ]
        for name in over:
            del self._marks[name]


def _merged(one: Change, other: Change) -> Change:
    return Change(
        kind=one.kind,
        digest=one.digest,
        issued_before=_later(one.issued_before, other.issued_before),
        offline=one.offline or other.offline,
        long_lived=one.long_lived or other.long_lived,
        retain_until=_later(one.retain_until, other.retain_until),
        reason=other.reason,
        revoked_at=max(one.revoked_at, other.revoked_at),
        target=one.target or other.target,
    )


def _later(one: int | None, other: int | None) -> int | None:
    """Give the later of two times, where `None` is the end of all times."""
    return None if one is None or other is None else max(one, other)
