"""The stream, cut anywhere."""

import pytest

from custom_components.signout.core.sse import LIMIT, Message, Parser, TooLongError


def parse(*pieces: bytes) -> list[Message]:
    parser = Parser()
    return [message for piece in pieces for message in parser.push(piece)]


def check(text: str, *expected: tuple[str, str, str]) -> None:
    """Hold the result against the same text cut in two anywhere, and into single bytes."""
    messages = [Message(*(part.encode() for part in message)) for message in expected]
    data = text.encode()
    assert parse(data) == messages
    assert parse(*(bytes([byte]) for byte in data)) == messages
    for cut in range(len(data)):
        assert parse(data[:cut], data[cut:]) == messages, cut


@pytest.mark.parametrize("ending", ["\n", "\r", "\r\n"])
def test_lines_end_in_three_ways(ending):
    text = "event: heartbeat\nid: 00000000000000aa.7\ndata: {}\n\ndata:x\n\n"
    first = ("heartbeat", "00000000000000aa.7", "{}")
    check(text.replace("\n", ending), first, ("", "", "x"))


def test_mixed_endings():
    check("data: a\r\rdata: b\n\r\n", ("", "", "a"), ("", "", "b"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data: a\ndata\ndata:  b\n\n", [("", "", "a\n\n b")]),
        (": hello\n:\nretry: 1\nwhat: x\ndata: a\n: between\n\n", [("", "", "a")]),
        ("event: changes\nid: 5\n\ndata: a\n\n", [("", "", "a")]),
        ("data\n\n", [("", "", "")]),
        ("data: a\n", []),
        ("event: x\nevent: y\nid: 1\nid: 2\0\ndata: a\n\n", [("y", "1", "a")]),
        ("\ufeffdata: a\n\n\ufeffdata: b\n\n", [("", "", "a")]),
        ("data:a:b\n\n", [("", "", "a:b")]),
    ],
)
def test_what_an_event_is_made_of(text, expected):
    check(text, *expected)


def test_the_longest_event_is_read():
    (message,) = parse(b"data: " + b"x" * (LIMIT - 1) + b"\n\n")
    assert len(message.data) == LIMIT - 1


@pytest.mark.parametrize(
    "piece", [b"0123456789a", b"data: 0123456789\n"], ids=["a line", "many lines"]
)
def test_what_would_take_too_much_memory_is_refused(piece):
    with pytest.raises(TooLongError, match=str(LIMIT)):
        parse(*[piece] * 100_000)


def test_what_is_passed_over_may_be_long():
    assert parse(*[b": 0123456789\n"] * 100_000) == []
