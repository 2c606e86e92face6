"""SipHash-1-3 with 128 bits (Aumasson and Bernstein, 2012).

By hand because the standard library keeps its own SipHash to itself, and a dependency would have to
be installed on every Home Assistant for forty lines.
"""

from struct import iter_unpack
from typing import Final, Self

_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_WORD: Final = 8
_KEY: Final = 16


class SipHash13:
    """A hash in the making."""

    __slots__ = ("_length", "_pending", "_state")

    def __init__(self, key: bytes) -> None:
        """Take a key of 16 bytes."""
        if len(key) != _KEY:
            raise ValueError("the key of a SipHash has 16 bytes")
        k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
        self._state = (
            k0 ^ 0x736F_6D65_7073_6575,
            k1 ^ 0x646F_7261_6E64_6F6D ^ 0xEE,
            k0 ^ 0x6C79_6765_6E65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        )
        self._pending = b""
        self._length = 0

    def copy(self) -> Self:
        """Go on twice from here."""
        twin = object.__new__(type(self))
        twin._state, twin._pending, twin._length = self._state, self._pending, self._length
        return twin

    def update(self, data: bytes) -> None:
        """Take more bytes."""
        self._length += len(data)
        data = self._pending + data
        whole = len(data) - len(data) % _WORD
        v0, v1, v2, v3 = self._state
        for (word,) in iter_unpack("<Q", data[:whole]):
            v0, v1, v2, v3 = _round(v0, v1, v2, v3 ^ word)
            v0 ^= word
        self._state, self._pending = (v0, v1, v2, v3), data[whole:]

    def digest(self) -> int:
        """Give the hash of all that was taken. Its little-endian bytes are the usual form."""
        last = (self._length & 0xFF) << 56 | int.from_bytes(self._pending, "little")
        v0, v1, v2, v3 = self._state
        v0, v1, v2, v3 = _round(v0, v1, v2, v3 ^ last)
        v0, v1, v2, v3 = _three_rounds(v0 ^ last, v1, v2 ^ 0xEE, v3)
        low = v0 ^ v1 ^ v2 ^ v3
        v0, v1, v2, v3 = _three_rounds(v0, v1 ^ 0xDD, v2, v3)
        return low | (v0 ^ v1 ^ v2 ^ v3) << 64


def _round(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    v0 = (v0 + v1) & _MASK
    v1 = ((v1 << 13) & _MASK | v1 >> 51) ^ v0
    v0 = (v0 << 32) & _MASK | v0 >> 32
    v2 = (v2 + v3) & _MASK
    v3 = ((v3 << 16) & _MASK | v3 >> 48) ^ v2
    v0 = (v0 + v3) & _MASK
    v3 = ((v3 << 21) & _MASK | v3 >> 43) ^ v0
    v2 = (v2 + v1) & _MASK
    v1 = ((v1 << 17) & _MASK | v1 >> 47) ^ v2
    v2 = (v2 << 32) & _MASK | v2 >> 32
    return v0, v1, v2, v3


def _three_rounds(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    return _round(*_round(*_round(v0, v1, v2, v3)))
