//! signout ends access tokens when a login ends.

pub mod clock;
pub mod jose;
pub mod journal;
pub mod logout_token;
pub mod replay;
pub mod revoker;
pub mod sessions;
pub mod settings;
