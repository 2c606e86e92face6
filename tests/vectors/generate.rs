//! Writes `tests/vectors/*.json`: `cargo run --example vectors`.
//!
//! Each file is a family: a frozen time and a list of vectors. A vector names the norms it is
//! about, the provider settings that differ from the default (see `Provider` in
//! `tests/vectors.rs`), the token, and the outcome: `valid_session`, `valid_subject` or
//! `valid_both`, with `_and_offline` if Keycloak's extension says so, otherwise the label of the
//! refusal. The keys in `keys/` are frozen and secret to nobody.
//!
//! PSS and ECDSA signatures and encrypted tokens are random, so a new run changes tokens, never
//! names or outcomes. Expectations are written by hand here; nothing is asked of the code under
//! test but to sign.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a tool for the developers of this repository: a fault ends it"
)]

mod attacks;
mod claims;
mod encryption;
mod family;
mod forge;
mod form;
mod providers;

fn main() {
    let forge = forge::Forge::load();
    let families = [
        attacks::algorithm(&forge),
        attacks::keys(&forge),
        attacks::kid(&forge),
        form::header(&forge),
        form::duplicates(&forge),
        form::base64(&forge),
        form::json(&forge),
        form::truncation(&forge),
        claims::issuer(&forge),
        claims::audience(&forge),
        claims::issued_at(&forge),
        claims::expires_at(&forge),
        claims::not_before(&forge),
        claims::jwt_id(&forge),
        claims::who(&forge),
        claims::events(&forge),
        claims::nonce(&forge),
        claims::typ(&forge),
        encryption::encryption(&forge),
        providers::providers(&forge),
    ];
    let total: usize = families.iter().map(family::Family::write).sum();
    println!("{total} vectors in {} families", families.len());
}
