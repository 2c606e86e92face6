"""Who is who."""

import base64
import hashlib
import json

import pytest

from custom_components.signout.core.arrivals import LIFETIME, Arrivals
from custom_components.signout.core.digest import DigestKey
from custom_components.signout.core.identity import (
    Identity,
    hashed_subject,
    names_of,
    unverified_claims,
)
from custom_components.signout.core.revocation import Change, Kind, Reason, Target

KEY = DigestKey(bytes(16))
ISSUER = "https://op.example/"
HASH = hashlib.sha256(b"https://op.example/.ada").hexdigest()
CLAIMS = {"iss": ISSUER, "sub": "ada", "sid": "s-1", "aud": "ha"}


def id_token(claims: object) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{part}.c2ln"


def test_the_hash_is_that_of_hass_oidc_auth():
    assert hashed_subject(ISSUER, "ada") == HASH


def test_claims_tell_everything():
    identity = Identity.of_claims(CLAIMS)
    assert identity == Identity(ISSUER, "ada", ("s-1",), "ha", HASH)
    assert repr(identity) == "Identity(issuer, subject, sessions, client, subject_hash)"
    assert Identity.of_json(json.loads(json.dumps(identity.to_json()))) == identity


@pytest.mark.parametrize("odd", [{"iss": None}, {"sub": ""}, {"iss": 5}])
def test_claims_without_whom_tell_nothing(odd):
    assert Identity.of_claims(CLAIMS | odd) is None


@pytest.mark.parametrize("odd", [None, [], {}, {"iss": ISSUER, "sub": "ada"}])
def test_what_was_not_written_by_us_is_not_read(odd):
    assert Identity.of_json(odd) is None


@pytest.mark.parametrize(
    ("provider", "data", "expected"),
    [
        ("auth_oidc", {"sub": HASH}, Identity(subject_hash=HASH)),
        ("auth_oidc", {}, None),
        ("homeassistant", {"username": "ada", "sub": HASH}, None),
        (
            "openid",
            {"subject": "ada", "id_token": id_token(CLAIMS)},
            # Not the session: the credential serves all logins.
            Identity(ISSUER, "ada", (), "ha", HASH),
        ),
        ("openid", {"subject": "eve", "id_token": id_token(CLAIMS)}, None),
        ("openid", {"subject": "ada"}, None),
        ("openid", {"subject": "ada", "id_token": "x"}, None),
    ],
)
def test_what_credentials_tell(provider, data, expected):
    assert Identity.of_credential(provider, data) == expected


@pytest.mark.parametrize(
    "odd", ["", "a.b", "a.b.c.d", "a.!.c", "a.e30x.c", id_token([]), id_token("x"), 5]
)
def test_tokens_that_are_none(odd):
    assert unverified_claims(odd) is None


def test_names_need_a_key_and_an_issuer():
    identity = Identity.of_claims(CLAIMS | {"aud": ["ha", "b"], "azp": "ha"})
    assert identity is not None
    assert list(identity.names(None, "t")) == [HASH]
    assert list(Identity(subject_hash=HASH).names(KEY, "t")) == [HASH]
    assert set(identity.names(KEY, "t")) == {
        HASH,
        KEY.digest(Kind.SUBJECT, ISSUER, "ada"),
        KEY.digest(Kind.ISSUER, ISSUER),
        KEY.digest(Kind.TOKEN, ISSUER, "t"),
        KEY.digest(Kind.SESSION, ISSUER, "s-1"),
        KEY.digest(Kind.CLIENT, ISSUER, "ha"),
    }


def test_a_subject_is_also_known_by_its_hash():
    def change(kind, target):
        return Change(kind, 1, None, False, False, None, Reason.ADMIN, 0, target)  # noqa: FBT003

    assert names_of(change(Kind.SUBJECT, Target(ISSUER, "ada"))) == (1, HASH)
    assert names_of(change(Kind.SUBJECT, Target("https://op.example", "ada")))[1] != HASH
    assert names_of(change(Kind.SESSION, Target(ISSUER, "ada"))) == (1,)
    assert names_of(change(Kind.SUBJECT, None)) == (1,)


def login(subject="ada", session="s-1"):
    identity = Identity.of_claims(CLAIMS | {"sub": subject, "sid": session})
    assert identity is not None
    return identity


STORED = Identity(subject_hash=HASH)


def test_an_arrival_is_taken_once():
    arrivals = Arrivals()
    arrivals.saw(login("eve", "s-9"), 0)
    arrivals.saw(login(), 0)
    assert arrivals.take(STORED, 1) == login()
    assert arrivals.take(STORED, 1) is None


def test_two_logins_at_a_time_are_both_of_both():
    arrivals = Arrivals()
    arrivals.saw(login(), 0)
    arrivals.saw(login(session="s-2"), 1)
    for _ in range(2):
        taken = arrivals.take(STORED, 2)
        assert taken is not None
        assert taken.sessions == ("s-1", "s-2")


def test_arrivals_are_given_up():
    arrivals = Arrivals()
    arrivals.saw(login(), 0)
    assert arrivals.take(STORED, LIFETIME) is None
