"""Which tokens a change ends, and which it spares."""

from dataclasses import replace

import pytest

from custom_components.signout.core.backoff import FIRST, LONGEST, Backoff
from custom_components.signout.core.freshness import Freshness
from custom_components.signout.core.revocation import Change, Kind, Reason
from custom_components.signout.core.roster import Login, LongLivedPolicy, Marks, Roster

SESSION = Change(
    kind=Kind.SESSION,
    digest=1,
    issued_before=None,
    offline=False,
    long_lived=False,
    retain_until=100,
    reason=Reason.BACKCHANNEL_LOGOUT,
    revoked_at=50,
)
SUBJECT = replace(SESSION, kind=Kind.SUBJECT, digest=2, issued_before=50)


def login(token_id="t", created_at=10.0, names=(1, 2), *, long_lived=False):
    return Login(token_id, "user", created_at, frozenset(names), long_lived)


def hit(change, *logins, policy=LongLivedPolicy.USER_EVENTS):
    roster = Roster(policy)
    for one in logins:
        roster.add(one)
    return {one.token_id for one in roster.hit_by(change)}


def test_only_those_who_are_meant():
    assert hit(SESSION, login("a", names=[1]), login("b", names=[2]), login("c", names=[])) == {"a"}


@pytest.mark.parametrize(
    ("created_at", "is_hit"), [(49.0, True), (50.0, True), (50.9, True), (51.0, False)]
)
def test_only_tokens_created_at_or_before(created_at, is_hit):
    assert hit(SUBJECT, login(created_at=created_at)) == ({"t"} if is_hit else set())
    assert hit(SESSION, login(created_at=created_at)) == {"t"}


@pytest.mark.parametrize(
    ("policy", "told", "is_hit"),
    [
        (LongLivedPolicy.USER_EVENTS, False, True),
        (LongLivedPolicy.AS_TOLD, False, False),
        (LongLivedPolicy.AS_TOLD, True, True),
        (LongLivedPolicy.NEVER, True, False),
    ],
)
def test_long_lived_tokens_follow_the_policy(policy, told, is_hit):
    change = replace(SUBJECT, long_lived=told)
    assert hit(change, login(long_lived=True), policy=policy) == ({"t"} if is_hit else set())
    # They belong to no session.
    session = replace(SESSION, long_lived=told)
    assert hit(session, login(long_lived=True), policy=policy) == set()


def test_a_token_may_be_known_better_and_be_left_out():
    roster = Roster(LongLivedPolicy.USER_EVENTS)
    roster.add(login(names=[1]))
    roster.add(login(names=[2]))
    assert roster.holders([1]) == set()
    assert roster.holders([2]) == {"t"}
    assert (len(roster), list(roster), roster.get("t")) == (1, [login(names=[2])], login(names=[2]))
    roster.discard("t")
    roster.discard("t")
    assert (len(roster), roster.holders([2]), roster.get("t")) == (0, set(), None)


def test_a_login_that_comes_too_late_is_refused():
    marks, policy = Marks(), LongLivedPolicy.USER_EVENTS
    marks.add([SESSION, replace(SESSION, kind=Kind.TOKEN, digest=3)])
    assert len(marks) == 1
    late = login(created_at=1e9, names=[1])
    assert marks.against(late, policy) == SESSION
    assert marks.against(login(names=[2]), policy) is None
    assert marks.against(login(names=[3]), policy) is None


def test_marks_merge_to_the_stricter():
    marks, policy = Marks(), LongLivedPolicy.AS_TOLD
    told = replace(SUBJECT, issued_before=40, retain_until=None, long_lived=True)
    for changes in ([SUBJECT, told], [told, SUBJECT], [SUBJECT, told, SUBJECT]):
        marks = Marks()
        marks.add(changes)
        mark = marks.against(login(created_at=50.0, long_lived=True), policy)
        assert mark is not None
        assert (mark.issued_before, mark.retain_until, mark.long_lived) == (50, None, True)


def test_marks_are_forgotten_when_they_are_over():
    marks = Marks()
    marks.add([SESSION, replace(SUBJECT, retain_until=None)])
    marks.expire(100)
    assert len(marks) == 2
    marks.expire(101)
    assert len(marks) == 1


def test_pauses_double_and_begin_anew_after_a_good_connection():
    backoff = Backoff()
    pauses = [backoff.pause(0.5) for _ in range(9)]
    assert pauses[:3] == [FIRST, FIRST * 2, FIRST * 4]
    assert pauses[-1] == LONGEST
    backoff.lasted(1)
    assert backoff.pause(0.0) == LONGEST / 2
    backoff.lasted(60)
    assert backoff.pause(1.0) == FIRST * 1.5


def test_knowledge_gets_old_by_itself():
    freshness = Freshness(10.0)
    assert (freshness.age(15.0), freshness.lag) == (5.0, None)
    freshness.vouch(14.0, 15.0)
    assert (freshness.age(15.0), freshness.lag) == (1.0, 1.0)
    # An older heartbeat takes nothing back, and none vouches for nothing.
    freshness.vouch(12.0, 16.0)
    freshness.vouch(None, 16.0)
    assert (freshness.age(16.0), freshness.lag) == (2.0, 4.0)
