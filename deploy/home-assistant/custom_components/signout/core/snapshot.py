"""The bytes of `GET /v1/snapshot`: everything that is refused, and the key of its digests.

What was read before an error is true all the same, since revocations only grow; but only a whole
snapshot has a position from which the feed may go on.
"""

import struct
from struct import Struct
from typing import Final

from .digest import DigestKey
from .position import Position
from .revocation import REASONS, Change, Kind
from .siphash import SipHash13

_MAGIC: Final = b"SIGNOUT\x02"
_HEAD: Final = Struct("<8s16sQQQ8s")
_LENGTH: Final = Struct("<I")
_TAIL: Final = Struct("<Q16s")
_GROUP: Final = Struct("<BBBIIH")
_TARGET: Final = Struct("<16sI")
_NAMED_TARGET: Final = Struct("<16s16xI")
_BLOCK_BYTES: Final = 1 << 20
_PACK_VERSION: Final = 2
_OFFLINE, _LONG_LIVED, _NAMED = 1, 2, 4
_ALL: Final = 0xFFFF_FFFF


class SnapshotError(Exception):
    """Bytes are not a whole snapshot."""


class SnapshotReader:
    """Reads a snapshot in pieces of any size."""

    def __init__(self) -> None:
        """Begin a snapshot."""
        self._pending = bytearray()
        self._hash: SipHash13 | None = None
        self._block: int | None = None
        self._count = 0
        self._position: Position | None = None
        self._is_whole = False
        self.key: DigestKey | None = None

    def push(self, piece: bytes) -> list[Change]:
        """Take the next bytes, and give the changes that are complete with them."""
        self._pending += piece
        found: list[Change] = []
        while (part := self._take()) is not None:
            found += self._read(part)
        return found

    def finish(self) -> Position:
        """Give the position, at the end of the bytes: only now nothing can be missing."""
        if self._position is None or not self._is_whole:
            raise SnapshotError("the snapshot is cut short")
        if self._pending:
            raise SnapshotError("something stands behind the end of the snapshot")
        return self._position

    def _take(self) -> bytes | None:
        """Give the next part, once all of it is there."""
        if self._is_whole:
            return None
        if self._hash is None:
            seen = bytes(self._pending[: len(_MAGIC)])
            if not _MAGIC.startswith(seen):
                # Told from the first bytes on: an error page need not be as long as a head.
                raise SnapshotError(
                    "this is no signout snapshot of version 2: look at the URL, or update"
                )
            length = _HEAD.size
        elif self._block is None:
            length = _LENGTH.size
        else:
            length = self._block or _TAIL.size
        if len(self._pending) < length:
            return None
        part = bytes(self._pending[:length])
        del self._pending[:length]
        return part

    def _read(self, part: bytes) -> list[Change]:
        if self._hash is None:
            # About how many changes there are helps those who reserve memory.
            _, secret, epoch, seq, _about, told = _HEAD.unpack(part)
            self._hash = SipHash13(secret)
            self._hash.update(part[: -len(told)])
            if self._hash.digest().to_bytes(16, "little")[: len(told)] != told:
                raise SnapshotError(
                    "the snapshot is damaged: the digest of its head is another one"
                )
            self._hash.update(told)
            self.key, self._position = DigestKey(secret), Position(f"{epoch:016x}", seq)
            return []
        if self._block is None:
            self._hash.update(part)
            (self._block,) = _LENGTH.unpack(part)
            if self._block > _BLOCK_BYTES:
                raise SnapshotError(f"a block of the snapshot has {self._block} bytes")
            return []
        if self._block:
            self._hash.update(part)
            self._block = None
            changes = unpack(part)
            self._count += len(changes)
            return changes
        count, digest = _TAIL.unpack(part)
        self._hash.update(part[:8])
        if self._hash.digest().to_bytes(16, "little") != digest:
            raise SnapshotError("the snapshot is damaged: its digest is another one")
        if count != self._count:
            raise SnapshotError(f"the snapshot has {self._count} changes and tells {count}")
        self._is_whole = True
        return []


def unpack(pack: bytes) -> list[Change]:
    """Read a pack of changes: all of it or nothing."""
    if not pack or pack[0] != _PACK_VERSION:
        raise SnapshotError("a pack of changes has another version: update the integration")
    changes: list[Change] = []
    offset = 1
    try:
        while offset < len(pack):
            offset = _read_group(pack, offset, changes)
    except struct.error as error:
        raise SnapshotError("a pack of changes is cut short") from error
    if not changes:
        raise SnapshotError("a pack of changes has nothing in it")
    return changes


def _read_group(pack: bytes, offset: int, changes: list[Change]) -> int:
    tag, reason, flags, issued_before, revoked_at, count = _GROUP.unpack_from(pack, offset)
    kind = Kind.of_tag(tag)
    known_flags = flags & ~(_OFFLINE | _LONG_LIVED | _NAMED) == 0
    if kind is None or not 1 <= reason <= len(REASONS) or not known_flags or not count:
        raise SnapshotError("a pack of changes has a tag without a meaning")
    offset += _GROUP.size
    form = _NAMED_TARGET if flags & _NAMED else _TARGET
    for _ in range(count):
        digest, retain_until = form.unpack_from(pack, offset)
        offset += form.size
        changes.append(
            Change(
                kind=kind,
                digest=int.from_bytes(digest, "little"),
                issued_before=None if issued_before == _ALL else issued_before,
                offline=bool(flags & _OFFLINE),
                long_lived=bool(flags & _LONG_LIVED),
                retain_until=None if retain_until == _ALL else retain_until,
                reason=REASONS[reason - 1],
                revoked_at=revoked_at,
            )
        )
    return offset
