"""Snapshots: whole or not at all."""

import struct

import pytest

from custom_components.signout.core.digest import DigestKey
from custom_components.signout.core.position import Position
from custom_components.signout.core.revocation import Kind, Reason
from custom_components.signout.core.siphash import SipHash13
from custom_components.signout.core.snapshot import SnapshotError, SnapshotReader, unpack
from tests.packs import ALL, SECRET, group, pack, snapshot

PACK = pack(group(Kind.SESSION, [5, 6]), group(Kind.SUBJECT, [7], flags=7, issued_before=9))


def read(data, size=10**9):
    reader = SnapshotReader()
    found = []
    for at in range(0, len(data), size):
        found += reader.push(data[at : at + size])
    return reader, found, reader.finish()


@pytest.mark.parametrize("size", [1, 7, 56, 10**9])
def test_a_snapshot_in_pieces(size):
    reader, found, position = read(snapshot([PACK, PACK]), size)
    assert position == Position("00000000000000aa", 12)
    assert reader.key == DigestKey(SECRET)
    assert [change.digest for change in found] == [5, 6, 7] * 2


def test_what_a_change_says():
    first, _, last = unpack(PACK)
    assert (first.kind, first.issued_before, first.retain_until) == (Kind.SESSION, None, None)
    assert (first.offline, first.long_lived, first.reason) == (False, False, Reason.ADMIN)
    assert (last.kind, last.issued_before, last.revoked_at) == (Kind.SUBJECT, 9, 8)
    assert (last.offline, last.long_lived) == (True, True)


def test_an_empty_snapshot():
    _, found, position = read(snapshot([]))
    assert (found, position.seq) == ([], 12)


def test_cut_anywhere_it_is_no_snapshot():
    data = snapshot([PACK])
    for length in range(len(data)):
        with pytest.raises(SnapshotError, match="cut short"):
            read(data[:length])


def test_any_damage_is_seen():
    data = snapshot([PACK])
    for at in range(len(data)):
        odd = bytearray(data)
        odd[at] ^= 1
        with pytest.raises(SnapshotError):
            read(bytes(odd))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<html>", "no signout snapshot"),
        (b"SIGNOUT\x01" + bytes(32), "no signout snapshot"),
        (snapshot([PACK]) + b"x", "behind the end"),
        (snapshot([PACK], count=4), "tells 4"),
        (snapshot([])[:56] + struct.pack("<I", (1 << 20) + 1), "a block"),
    ],
)
def test_what_is_no_snapshot(data, says):
    with pytest.raises(SnapshotError, match=says):
        read(data)


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"\x01",
        b"\x02",
        PACK[:-1],
        pack(group(Kind.SESSION, [])),
        PACK.replace(b"s", b"x", 1),
        pack(group(Kind.SESSION, [1], flags=8)),
        pack(group(Kind.SESSION, [1], reason=0)),
        pack(group(Kind.SESSION, [1], reason=9)),
    ],
)
def test_what_is_no_pack(odd):
    with pytest.raises(SnapshotError):
        unpack(odd)


def test_the_hash_of_a_snapshot_is_over_all_before_it():
    data = snapshot([PACK])
    digest = SipHash13(SECRET)
    digest.update(data[:-16])
    assert data[-16:] == digest.digest().to_bytes(16, "little")
    assert ALL == 0xFFFF_FFFF
