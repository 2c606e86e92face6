"""The hash and the digests, against values that others computed."""

import pytest

from custom_components.signout.core.digest import DigestKey
from custom_components.signout.core.revocation import Kind
from custom_components.signout.core.siphash import SipHash13

KEY = b"0123456789abcdef"


def test_a_digest_is_the_one_of_the_service():
    # Frozen in checker/src/digest.rs as well.
    digest = DigestKey(KEY).digest(Kind.SESSION, "https://op.example", "sid-1")
    assert f"{digest:032x}" == "409e90a5f52249db51503c7053bfc519"


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_pieces_make_no_difference(cut):
    data = bytes(range(60))
    whole, pieces = SipHash13(KEY), SipHash13(KEY)
    whole.update(data)
    pieces.update(data[:cut])
    pieces.update(data[cut:])
    assert whole.digest() == pieces.digest() == pieces.copy().digest()


def test_everything_makes_a_difference():
    key, other = DigestKey(KEY), DigestKey(bytes(16))
    digests = {
        key.digest(Kind.SESSION, "a", "bc"),
        key.digest(Kind.SESSION, "ab", "c"),
        key.digest(Kind.SUBJECT, "a", "bc"),
        key.digest(Kind.ISSUER, "a"),
        key.digest(Kind.SESSION, "a\0", "bc"),
        other.digest(Kind.SESSION, "a", "bc"),
    }
    assert len(digests) == 6


def test_a_key_is_a_secret_of_sixteen_bytes():
    assert repr(DigestKey(KEY)) == "DigestKey(..)"
    assert DigestKey(KEY) == DigestKey(KEY) != DigestKey(bytes(16))
    assert len({DigestKey(KEY), DigestKey(KEY)}) == 1
    with pytest.raises(ValueError, match="16 bytes"):
        SipHash13(b"short")
