//! What an api key may be used for.

use super::choice::choice;

choice! {
    /// One kind of calls.
    pub enum Scope {
        /// Users, sessions and the audit trail; sign out, block and unblock.
        Admin = "admin",
        /// Ask whether a token is revoked.
        Check = "check",
        /// Follow the feed.
        Feed = "feed",
        /// Register tokens, and forget those that ended by themselves.
        Register = "register",
        /// Revoke.
        Revoke = "revoke",
    }
}
