//! The text of a token that somebody may still use.

use std::fmt;

/// The one place where the text of a token is kept at all, and only until the provider took it. It
/// has no `Display` and no `Serialize`, and its `Debug` does not show it.
pub struct TokenText(Box<str>);

impl TokenText {
    /// As the client sent it.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenText(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i17_a_token_is_not_shown() {
        let token = TokenText::new("r3fr3sh");
        assert_eq!((token.expose(), &*format!("{token:?}")), ("r3fr3sh", "TokenText(..)"));
    }
}
