//! Bytes that nobody should see.

use std::fmt;
use std::hint::black_box;

/// A secret from the configuration. Its `Debug` does not show it, and there is no `Display`, no
/// `Serialize` and no `==`: comparing secrets is the business of whoever does it in constant time.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl Secret {
    pub(super) fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the one who makes a key of them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Secret {
    /// As good as it gets without `unsafe`: the copy in the text it was parsed from is not reached.
    fn drop(&mut self) {
        self.0.fill(0);
        black_box(&self.0);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
