"""`text/event-stream` (HTML, section 9.2), as far as the feed needs it.

What the feed never sends is passed over: comments, `retry`, unknown fields. What would take more
memory than any event of the feed is refused. An id belongs to the event that carries it and is not
handed on to the next: an event of the feed without a position of its own is none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

LIMIT: Final = 1 << 20
"""The most bytes of the data of one event."""
_FIELD: Final = 16
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class TooLongError(Exception):
    """The stream cannot be one of the feed."""

    def __init__(self) -> None:
        """Say what was exceeded."""
        super().__init__(f"an event of the feed is larger than {LIMIT} bytes")


@dataclass(frozen=True, slots=True)
class Message:
    """One event, as it was sent. `id` is empty if there was none."""

    event: bytes
    id: bytes
    data: bytes


class Parser:
    """Takes a stream apart, in pieces of any size."""

    def __init__(self) -> None:
        """Begin a stream."""
        self._line = bytearray()
        self._fields: dict[bytes, bytes] = {}
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._behind_return = False
        self._is_first = True

    def push(self, piece: bytes) -> Iterator[Message]:
        """Take the next bytes, and give the events that end within them. To be used up."""
        if self._behind_return and piece:
            # Lines may end in CRLF, and the network may cut between the two.
            piece = piece.removeprefix(b"\n")
            self._behind_return = False
        if piece.endswith(b"\r"):
            self._behind_return = True
        lines = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        rest = lines.pop()
        for line in lines:
            self._extend(line)
            whole = bytes(self._line)
            self._line.clear()
            if self._is_first:
                whole = whole.removeprefix(_BYTE_ORDER_MARK)
                self._is_first = False
            if whole:
                self._field(whole)
            elif (message := self._end()) is not None:
                yield message
        self._extend(rest)

    def _extend(self, part: bytes) -> None:
        if len(self._line) + len(part) > LIMIT + _FIELD:
            raise TooLongError
        self._line += part

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data_bytes += len(value) + 1
            if self._data_bytes > LIMIT:
                raise TooLongError
            self._data.append(value)
        elif name == b"event" or (name == b"id" and b"\0" not in value):
            self._fields[name] = value

    def _end(self) -> Message | None:
        fields, data = self._fields, self._data
        self._fields, self._data, self._data_bytes = {}, [], 0
        if not data:
            return None
        return Message(fields.get(b"event", b""), fields.get(b"id", b""), b"\n".join(data))
