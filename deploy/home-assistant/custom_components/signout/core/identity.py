"""Whom a refresh token of Home Assistant belongs to, as the provider calls them."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from .digest import DigestKey
from .revocation import Change, Kind

OIDC_AUTH: Final = "auth_oidc"
"""The provider type of hass-oidc-auth."""
OPENID: Final = "openid"
"""The provider type of hass-openid."""
_JWT: Final = re.compile(r"[^.]*\.([^.]*)\.[^.]*")

PROVIDERS: Final = frozenset({OIDC_AUTH, OPENID})

type Name = int | str
"""What a change is looked up by: a digest, or the hash that hass-oidc-auth keeps of a subject."""


def hashed_subject(issuer: str, subject: str) -> str:
    """Hash a subject as hass-oidc-auth does, which keeps nothing else of it."""
    return hashlib.sha256(f"{issuer}.{subject}".encode()).hexdigest()


def names_of(change: Change) -> tuple[Name, ...]:
    """Everything that a change's target may be known by here."""
    if change.kind is Kind.SUBJECT and change.target is not None:
        return change.digest, hashed_subject(change.target.issuer, change.target.value)
    return (change.digest,)


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of a login.

    `sessions` has more than one entry if two logins of one user could not be told apart: then the
    end of either ends both.
    """

    issuer: str | None = None
    subject: str | None = None
    sessions: tuple[str, ...] = ()
    client: str | None = None
    subject_hash: str | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        """Say how much is known, and nothing of it: this may come into a log."""
        known = [name for name in self.__slots__ if getattr(self, name)]
        return f"Identity({', '.join(known)})"

    @classmethod
    def of_claims(cls, claims: Mapping[str, object]) -> Self | None:
        """Take the claims of an ID token."""
        issuer, subject = _text(claims.get("iss")), _text(claims.get("sub"))
        if issuer is None or subject is None:
            return None
        session = _text(claims.get("sid"))
        audience = claims.get("aud")
        return cls(
            issuer=issuer,
            subject=subject,
            sessions=() if session is None else (session,),
            client=_text(claims.get("azp")) or _text(audience),
            subject_hash=hashed_subject(issuer, subject),
        )

    @classmethod
    def of_credential(cls, provider: str, data: Mapping[str, object]) -> Self | None:
        """Take what an SSO integration keeps; `None` if it is none, or keeps nothing usable.

        Not the session: one credential serves all logins of a user.
        """
        if provider == OIDC_AUTH:
            stored = _text(data.get("sub"))
            return None if stored is None else cls(subject_hash=stored)
        if provider == OPENID:
            # It keeps the subject, but the issuer only in the ID token.
            claims = unverified_claims(data.get("id_token"))
            identity = None if claims is None else cls.of_claims(claims)
            if identity is None or identity.subject != data.get("subject"):
                return None
            return cls(
                identity.issuer, identity.subject, (), identity.client, identity.subject_hash
            )
        return None

    def agrees_with(self, other: Self) -> bool:
        """Whether both are of one user of one issuer."""
        return self.subject_hash is not None and self.subject_hash == other.subject_hash

    def user_names(self, key: DigestKey | None) -> Iterator[Name]:
        """Give what ends all logins of this user."""
        if self.subject_hash is not None:
            yield self.subject_hash
        if key is not None and self.issuer is not None and self.subject is not None:
            yield key.digest(Kind.SUBJECT, self.issuer, self.subject)

    def names(self, key: DigestKey | None, token_id: str) -> Iterator[Name]:
        """Give what ends this login, or the one refresh token of it."""
        yield from self.user_names(key)
        if key is None or self.issuer is None:
            return
        yield key.digest(Kind.ISSUER, self.issuer)
        # Sessions are registered at the service under the id of their refresh token.
        yield key.digest(Kind.TOKEN, self.issuer, token_id)
        for session in self.sessions:
            yield key.digest(Kind.SESSION, self.issuer, session)
        if self.client is not None:
            yield key.digest(Kind.CLIENT, self.issuer, self.client)

    def to_json(self) -> dict[str, object]:
        """Write it down."""
        return {
            "iss": self.issuer,
            "sub": self.subject,
            "sids": list(self.sessions),
            "client_id": self.client,
        }

    @classmethod
    def of_json(cls, stored: object) -> Self | None:
        """Read what `to_json` wrote."""
        if not isinstance(stored, Mapping):
            return None
        identity = cls.of_claims({**stored, "azp": stored.get("client_id")})
        sids = stored.get("sids")
        if identity is None or not isinstance(sids, list):
            return None
        sessions = tuple(sid for sid in sids if isinstance(sid, str) and sid)
        return cls(
            identity.issuer, identity.subject, sessions, identity.client, identity.subject_hash
        )


def unverified_claims(token: object) -> Mapping[str, object] | None:
    """Read the claims of a token that somebody else took in; its signature is not looked at.

    Only for the ID token that hass-openid keeps: it decides which logout reaches the login, not who
    is let in.
    """
    if not isinstance(token, str) or not (form := _JWT.fullmatch(token)):
        return None
    payload = form[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
