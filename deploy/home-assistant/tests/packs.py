"""Makes what the service makes: packs and snapshots."""

import struct
from collections.abc import Sequence

from custom_components.signout.core.revocation import Kind
from custom_components.signout.core.siphash import SipHash13

ALL = 0xFFFF_FFFF
SECRET = bytes(range(16))


def group(
    kind: Kind,
    digests: Sequence[int],
    *,
    reason: int = 4,
    flags: int = 0,
    issued_before: int = ALL,
    retain_until: int = ALL,
) -> bytes:
    head = struct.pack("<BBBIIH", kind.tag, reason, flags, issued_before, 8, len(digests))
    name = bytes(16) if flags & 4 else b""
    targets = (
        digest.to_bytes(16, "little") + name + struct.pack("<I", retain_until) for digest in digests
    )
    return head + b"".join(targets)


def pack(*groups: bytes) -> bytes:
    return b"\x02" + b"".join(groups)


def snapshot(
    packs: Sequence[bytes],
    *,
    epoch: int = 0xAA,
    seq: int = 12,
    count: int | None = None,
    secret: bytes = SECRET,
) -> bytes:
    """A snapshot whose packs have three changes each, unless `count` says otherwise."""
    body = b"SIGNOUT\x02" + secret + struct.pack("<QQQ", epoch, seq, 3 * len(packs))
    digest = SipHash13(secret)
    digest.update(body)
    body += digest.digest().to_bytes(16, "little")[:8]
    for block in packs:
        body += struct.pack("<I", len(block)) + block
    body += struct.pack("<I", 0)
    body += struct.pack("<Q", 3 * len(packs) if count is None else count)
    digest = SipHash13(secret)
    digest.update(body)
    return body + digest.digest().to_bytes(16, "little")
