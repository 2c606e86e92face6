//! `algorithms`, and the client secret that some of them need.

use super::mistake::Mistake;
use super::report::Reported;
use super::section::Section;
use super::shape::{Refusal, Word, some};
use super::{ProviderName, Secret, Warning};
use crate::jose::Algorithm;

/// How a provider signs.
pub(super) struct Signature {
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) client_secret: Option<Secret>,
}

impl Signature {
    pub(super) fn read(
        section: &mut Section<'_, '_>,
        name: Option<&ProviderName>,
    ) -> Result<Self, Reported> {
        let algorithms = section.or("algorithms", ["RS256"], &some::<Algorithm>());
        let client_secret = section.secret("client_secret", "client_secret_file");
        let (algorithms, client_secret) = (algorithms?, client_secret?);
        // RFC 7518, section 3.2: the longest hash asks for the longest key.
        let needs = algorithms.iter().filter_map(|algorithm| key_bytes(*algorithm)).max();
        match (needs, &client_secret) {
            (Some((_, algorithm)), None) => {
                Err(section.refuse("algorithms", Mistake::ClientSecretMissing { algorithm }))
            }
            (Some((needed, algorithm)), Some(secret)) if secret.expose().len() < needed => {
                let length = secret.expose().len();
                let mistake = Mistake::ClientSecretTooShort { algorithm, length, needed };
                Err(section.refuse("client_secret", mistake))
            }
            (needs, secret) => {
                if let (None, Some(_), Some(provider)) = (needs, secret, name) {
                    let provider = provider.clone();
                    section.warn(Warning::UnusedClientSecret { provider });
                }
                Ok(Self { algorithms, client_secret })
            }
        }
    }
}

/// How long the secret must be for a symmetric algorithm.
const fn key_bytes(algorithm: Algorithm) -> Option<(usize, &'static str)> {
    match algorithm {
        Algorithm::Hs256 => Some((32, algorithm.as_str())),
        Algorithm::Hs384 => Some((48, algorithm.as_str())),
        Algorithm::Hs512 => Some((64, algorithm.as_str())),
        _ => None,
    }
}

impl Word for Algorithm {
    fn expected() -> String {
        "one of RS, PS, ES or HS with 256, 384 or 512, or EdDSA, such as \"RS256\"".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        // Names are case-sensitive (RFC 7515, section 4.1.1); the refusal of `none` is not.
        if text.eq_ignore_ascii_case("none") {
            return Err(Refusal::For(Mistake::AlgorithmNone));
        }
        text.parse().map_err(|_| Refusal::Unfit)
    }
}
