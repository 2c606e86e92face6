//! A short name for the text of a token.

use std::fmt;

use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// Stands for the whole text, signature included. Whoever does not know the key cannot make two texts
/// that share one, nor recognise a token by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TextDigest([u8; 32]);

impl TextDigest {
    /// A number that spreads evenly.
    pub(super) const fn spread(&self) -> usize {
        let [first, ..] = self.0;
        first as usize
    }
}

/// HMAC-SHA-256 under a key that is drawn when the process starts.
pub(super) struct Digester(Hmac<Sha256>);

impl Digester {
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        // A key as long as the digest is never refused, and the other arm is not reached.
        Hmac::new_from_slice(&key).map(Self).map_err(|_| getrandom::Error::UNSUPPORTED)
    }

    pub(super) fn digest(&self, text: &str) -> TextDigest {
        let mut mac = self.0.clone();
        mac.update(text.as_bytes());
        TextDigest(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digester(..)")
    }
}
