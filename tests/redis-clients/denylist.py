"""Asks the denylist that signout shares through Redis whether a token is refused.

As a module: Denylist(redis.Redis.from_url(url)).refused(issuer, jti="5f0c", iat=1763700000)
As a command: denylist.py redis://127.0.0.1:6379 signout https://issuer.example --jti 5f0c --iat 1763700000

Needs the package redis. Errors are exceptions, and exit code 2: whoever cannot ask does not know.
"""

import argparse
import hashlib
import hmac
import re
import struct
import sys

import redis

# Which of the three cut-offs is for which kind of token.
CUT_OFFS = {"access": 0, "refresh": 0, "offline_refresh": 1, "long_lived": 2}
SPARED = 0
ALL = 4294967295
# The cut-offs, the reason, and when it was revoked.
FORM = re.compile(r"(\d+) (\d+) (\d+) (\S+) \d+", re.ASCII)


class Denylist:
    """The denylist of one deployment."""

    def __init__(self, client: redis.Redis, prefix: str = "signout") -> None:
        """Reads the key under which the deployment names what it denies."""
        head = f"{{{prefix}}}:head"
        key, direct_keys = client.hmget(head, "key", "direct_keys")
        if key is None:
            raise LookupError(f"{head} has no key: is this the Redis and the prefix of signout?")
        if direct_keys is not None and _text(direct_keys) == "no":
            raise LookupError("signout writes no denylist keys here: set redis.direct_keys = true")
        self._key = bytes.fromhex(_text(key))
        if len(self._key) != 16:
            raise ValueError(f"the key in {head} is not 32 hex digits")
        self._client = client
        self._prefix = prefix

    def refused(
        self,
        issuer: str,
        *,
        jti: str | None = None,
        sid: str | None = None,
        sub: str | None = None,
        client_id: str | None = None,
        iat: int | None = None,
        kind: str = "access",
    ) -> str | None:
        """Why a token with these claims is refused; None if it is not. Asks with one command."""
        facts = {b"t": jti, b"s": sid, b"u": sub, b"c": client_id, b"i": ""}
        names = [self._name(tag, issuer, fact) for tag, fact in facts.items() if fact is not None]
        for entry in self._client.mget(names):
            reason = None if entry is None else _hit(_text(entry), iat, kind)
            if reason is not None:
                return reason
        return None

    def _name(self, tag: bytes, issuer: str, value: str) -> str:
        message = tag
        for part in (issuer.encode(), value.encode()):
            # The lengths keep "a" and "bc" apart from "ab" and "c".
            message += struct.pack("<I", len(part)) + part
        digest = hmac.new(self._key, message, hashlib.sha256).digest()
        return f"{{{self._prefix}}}:deny:{digest[:16].hex()}"


def _hit(entry: str, iat: int | None, kind: str) -> str | None:
    """The reason, if this entry refuses a token of this kind and time."""
    fields = FORM.fullmatch(entry)
    if fields is None:
        raise ValueError(f"an entry of the denylist is not in a form that this client knows: {entry!r}")
    *cut_offs, reason = fields.groups()
    cut_off = int(cut_offs[CUT_OFFS[kind]])
    if cut_off == SPARED:
        return None
    # A token that does not tell its time may be older than any cut-off.
    return reason if cut_off == ALL or iat is None or iat <= cut_off else None


def _text(reply: bytes | str) -> str:
    """What Redis said, whether or not the client was made with decode_responses."""
    return reply.decode() if isinstance(reply, bytes) else reply


def main() -> None:
    parser = argparse.ArgumentParser(description="Asks signout's denylist in Redis about a token.")
    for name in ("url", "prefix", "issuer"):
        parser.add_argument(name)
    for name in ("--jti", "--sid", "--sub", "--client-id"):
        parser.add_argument(name)
    parser.add_argument("--iat", type=int)
    parser.add_argument("--kind", choices=CUT_OFFS, default="access")
    facts = vars(parser.parse_args())
    url, prefix, issuer = (facts.pop(name) for name in ("url", "prefix", "issuer"))
    try:
        with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as client:
            reason = Denylist(client, prefix).refused(issuer, **facts)
    except (redis.RedisError, LookupError, ValueError) as error:
        sys.stderr.write(f"denylist: {error}\n")
        sys.exit(2)
    print(f"refused {reason}" if reason else "not refused")


if __name__ == "__main__":
    main()
