//! stub
use signout_checker::*;
use crate::jose::SigningInputDigest;
/// x
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offline { /// x
 Spare, /// x
 Revoke }
/// x
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who { /// x
 Session(SessionId), /// x
 Subject(Subject), /// x
 Both(SessionId, Subject) }
/// x
#[derive(Clone, Debug)]
pub struct LogoutToken {
    /// x
    pub issuer: Issuer,
    /// x
    pub who: Who,
    /// x
    pub jwt_id: JwtId,
    /// x
    pub issued_at: Timestamp,
    /// x
    pub expires_at: Option<Timestamp>,
    /// x
    pub offline: Offline,
    /// x
    pub identity: SigningInputDigest,
}
