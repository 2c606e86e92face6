//! stub
/// x
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SidScope { /// x
 Session, /// x
 Subject }
/// x
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeOffline { /// x
 Never, /// x
 AsTold, /// x
 Always }
/// x
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionReuse { /// x
 Deny, /// x
 AllowLater }
