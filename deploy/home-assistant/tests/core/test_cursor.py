"""What continues, what repeats, what is missing."""

import pytest

from custom_components.signout.core.cursor import Cursor, Step
from custom_components.signout.core.event import Changes, Heartbeat, Part, Reset, ResetReason
from custom_components.signout.core.position import Position, Trail

EPOCH, OTHER = "0000000000000007", "0000000000000008"


def changes(seq, previous, epoch=EPOCH):
    return Changes(Position(epoch, seq), previous, ())


def part(seq, previous, number, of):
    return Changes(Position(EPOCH, seq), previous, (), Part(number, of))


def heartbeat(seq, previous, epoch=EPOCH):
    return Heartbeat(Position(epoch, seq), previous, 0.0, 0.0, 0)


@pytest.mark.parametrize(
    ("event", "step", "seq"),
    [
        (changes(11, 10), Step.APPLY, 11),
        (changes(15, 10), Step.APPLY, 15),
        (changes(15, 4), Step.APPLY, 15),
        (changes(10, 9), Step.REPEATED, 10),
        (changes(3, 2), Step.REPEATED, 10),
        (changes(12, 11), Step.MISSING, 10),
        (changes(11, 10, OTHER), Step.RESET, 10),
        (heartbeat(10, 10), Step.APPLY, 10),
        (heartbeat(20, 9), Step.APPLY, 20),
        (heartbeat(9, 9), Step.APPLY, 10),
        (heartbeat(20, 11), Step.MISSING, 10),
        (heartbeat(10, 10, OTHER), Step.RESET, 10),
        (Reset(ResetReason.LAGGED), Step.RESET, 10),
    ],
)
def test_only_what_continues_counts(event, step, seq):
    cursor = Cursor(Position(EPOCH, 10))
    assert cursor.step(event) is step
    assert cursor.position == Position(EPOCH, seq)


A, R, M = Step.APPLY, Step.REPEATED, Step.MISSING
ZERO, ONE, TWO = part(10, 10, 0, 3), part(10, 10, 1, 3), part(15, 10, 2, 3)


@pytest.mark.parametrize(
    ("events", "steps", "seq"),
    [
        ([ZERO, ONE, TWO, TWO, ONE, ZERO], [A, A, A, R, R, R], 15),
        ([ZERO, TWO], [A, M], 10),
        ([ONE, TWO], [M, M], 10),
        ([ZERO, ZERO, ONE, ZERO, TWO], [A, R, A, R, A], 15),
        ([ZERO, part(10, 10, 1, 4)], [A, M], 10),
        ([ZERO, changes(12, 10), ONE], [A, A, A], 12),
        ([part(11, 11, 0, 2)], [M], 10),
        ([part(9, 9, 0, 2), part(10, 9, 1, 2)], [A, R], 10),
        ([part(8, 8, 0, 2), part(12, 8, 1, 2)], [A, A], 12),
    ],
)
def test_a_large_act_counts_when_all_its_parts_are_known(events, steps, seq):
    cursor = Cursor(Position(EPOCH, 10))
    assert [cursor.step(event) for event in events] == steps
    assert cursor.position.seq == seq


def test_a_trail_tells_what_is_on_the_disk():
    trail = Trail(5.0)
    positions = [Position(EPOCH, seq) for seq in range(3)]
    assert trail.settled(0.0) is None
    for at, position in enumerate(positions):
        trail.reached(position, float(at))
    assert trail.settled(4.9) is None
    assert trail.settled(5.0) == positions[0]
    assert trail.settled(6.5) == positions[1]
    # The same position again does not make it younger.
    trail.reached(positions[2], 6.9)
    assert trail.settled(7.0) == positions[2]
    assert trail.settled(1e9) == positions[2]
