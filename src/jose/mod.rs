//! stub
/// id
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningInputDigest([u8; 32]);
impl SigningInputDigest {
    /// b
    pub fn as_bytes(&self) -> &[u8; 32] { &self.0 }
    /// t
    pub fn of(b: [u8; 32]) -> Self { Self(b) }
}
