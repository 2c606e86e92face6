"""Digests: what the feed calls things under the deployment's key.

Of the two names in the feed this is the one in the snapshot as well, which is also where the key is
from; the other, an HMAC, is only there if the deployment writes such names to Redis. So the digest
finds everything, and the HMAC would only find a part of it.
"""

from functools import lru_cache

from .revocation import Kind
from .siphash import SipHash13


class DigestKey:
    """The secret of a deployment's digests."""

    __slots__ = ("_prefix", "_secret")

    def __init__(self, secret: bytes) -> None:
        """Take the 16 bytes from the head of a snapshot."""
        self._secret = secret
        # What stands before the value is the same for all that one issuer ever named.
        self._prefix = lru_cache(maxsize=64)(self._begin)

    def __eq__(self, other: object) -> bool:
        """Compare the secrets."""
        return isinstance(other, DigestKey) and self._secret == other._secret

    def __hash__(self) -> int:
        """Hash the secret."""
        return hash(self._secret)

    def __repr__(self) -> str:
        """Say nothing: it is a secret."""
        return "DigestKey(..)"

    def digest(self, kind: Kind, issuer: str, value: str = "") -> int:
        """Digest a target."""
        begun = self._prefix(kind, issuer).copy()
        begun.update(value.encode())
        return begun.digest()

    def _begin(self, kind: Kind, issuer: str) -> SipHash13:
        text = issuer.encode()
        # The length keeps `a`, `bc` apart from `ab`, `c`; zeroes fill up to the words of the hash.
        head = bytes([kind.tag]) + len(text).to_bytes(7, "little")
        begun = SipHash13(self._secret)
        begun.update(head + text + bytes(-len(text) % 8))
        return begun
