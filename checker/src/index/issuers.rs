//! What is the same for every token of an issuer, worked out once.

use std::sync::OnceLock;

use crate::digest::Within;
use crate::{DigestKey, Issuer};

/// Most APIs take tokens of one issuer, few of more than some. Beyond that many the work is done at
/// every check, which costs as much again as the rest of the hash.
const KNOWN: usize = 8;

/// The first issuers that were asked about.
#[derive(Debug, Default)]
pub(super) struct Issuers([OnceLock<Box<(Issuer, Within)>>; KNOWN]);

impl Issuers {
    /// What is known of an issuer.
    #[inline]
    pub(super) fn known(&self, issuer: &Issuer) -> Option<&Within> {
        let known = self.0.iter().map_while(OnceLock::get);
        known.map(Box::as_ref).find(|(known, _)| known == issuer).map(|(_, within)| within)
    }

    /// Works it out, and keeps it if there is a place.
    #[cold]
    pub(super) fn learn(&self, key: &DigestKey, issuer: &Issuer) -> Within {
        let mut new = Box::new((issuer.clone(), key.within(issuer)));
        let within = new.1.clone();
        for place in &self.0 {
            match place.set(new) {
                Ok(()) => break,
                Err(back) => new = back,
            }
        }
        within
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TargetKind;

    #[test]
    fn every_issuer_has_its_own() {
        let (issuers, key) = (Issuers::default(), DigestKey::from_bytes([1; 16]));
        for round in 0..3 {
            for n in 0..2 * KNOWN {
                let issuer = Issuer::parse(format!("https://op{n}.example")).unwrap();
                let within = match issuers.known(&issuer) {
                    Some(within) => within.clone(),
                    None => issuers.learn(&key, &issuer),
                };
                let whole = within.fingerprint(TargetKind::Issuer, "");
                assert_eq!(whole, key.issuer(&issuer).fingerprint(), "{n} in round {round}");
                assert_eq!(issuers.known(&issuer).is_some(), n < KNOWN, "{n} in round {round}");
            }
        }
    }
}
