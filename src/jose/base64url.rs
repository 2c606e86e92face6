//! The one spelling of base64url that JOSE allows (RFC 7515, section 2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Not unpadded base64url, or not its canonical spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotCanonical;

/// Padding, whitespace, the standard alphabet and stray bits in the last character are refused, so
/// that no bytes have two spellings.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, NotCanonical> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotCanonical)
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jwt_1_only_the_canonical_spelling() {
        assert_eq!(decode("-_8"), Ok(vec![0xfb, 0xff]));
        assert_eq!(decode(""), Ok(Vec::new()));
        for text in ["-_9", "-_8=", "+/8", "-_8\n", " -_8", "A", "-_8A=", "é"] {
            assert_eq!(decode(text), Err(NotCanonical), "{text:?}");
        }
    }
}
