"""What is refused: the words of the feed and the snapshot."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Kind(StrEnum):
    """What kind of thing a change refuses."""

    TOKEN = "token"
    SESSION = "session"
    SUBJECT = "subject"
    CLIENT = "client"
    ISSUER = "issuer"

    @property
    def tag(self) -> int:
        """The byte that stands for it in digests and packs."""
        return _TAGS[self]

    @classmethod
    def of_tag(cls, tag: int) -> Self | None:
        """Give the kind of a byte, if it has one."""
        return next((kind for kind in cls if kind.tag == tag), None)


_TAGS = {
    Kind.TOKEN: ord("t"),
    Kind.SESSION: ord("s"),
    Kind.SUBJECT: ord("u"),
    Kind.CLIENT: ord("c"),
    Kind.ISSUER: ord("i"),
}


class Reason(StrEnum):
    """Why. In the order of the bytes that stand for them in packs, from 1."""

    BACKCHANNEL_LOGOUT = "backchannel_logout"
    FRONTCHANNEL_LOGOUT = "frontchannel_logout"
    REVOCATION_REQUEST = "revocation_request"
    ADMIN = "admin"
    PASSWORD_CHANGE = "password_change"
    ACCOUNT_DISABLED = "account_disabled"
    RECHECK_FAILED = "recheck_failed"
    SECURITY_EVENT = "security_event"


REASONS = tuple(Reason)


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a change is about, as it is called. `value` is empty for a whole issuer."""

    issuer: str
    value: str


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is refused. Times are seconds since 1970.

    `issued_before` refuses what was issued at or before it, `None` everything. `retain_until` says
    when the change may be forgotten, `None` never.
    """

    kind: Kind
    digest: int
    issued_before: int | None
    offline: bool
    long_lived: bool
    retain_until: int | None
    reason: Reason
    revoked_at: int
    target: Target | None = None
