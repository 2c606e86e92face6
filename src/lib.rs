//! signout ends access tokens when a login ends.

pub mod clock;
pub mod journal;
pub mod replay;
pub mod sessions;
