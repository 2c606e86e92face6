//! The service's own key, with which it signs what it says.

use std::fmt;

use josekit::jwk::alg::ec::{EcCurve, EcKeyPair};
use josekit::jwk::alg::ed::EdKeyPair;
use josekit::jwk::alg::rsa::RsaKeyPair;
use josekit::jwk::{Jwk, KeyPair as _};
use serde_json::{Map, Value as Json};
use sha2::{Digest as _, Sha256};

use super::algorithm::Algorithm;
use super::base64url;
use super::header::KeyId;
use super::json::{Object, Value};
use super::jwk::{KeyKind, Material};
use super::key_admission::KeyRefusal;
use super::signing_key::{SigningKey, SigningKeyError};

/// Signs with one private key, whose public half is published. Its name is what the file says, or
/// the key's thumbprint (RFC 7638), so that whoever keeps an older key set sees that it is another.
pub struct Signer {
    key: SigningKey,
    public: Map<String, Json>,
}

/// A fresh key as JSON (RFC 7517), private half included. Shown to nobody but the file it is kept in.
pub struct NewKey(String);

impl NewKey {
    /// A fresh P-256 key.
    pub fn generate() -> Result<Self, SigningKeyError> {
        let jwk = Jwk::generate_ec_key(EcCurve::P256).map_err(|_| SigningKeyError::Library)?;
        Ok(Self(Json::Object(jwk.as_ref().clone()).to_string()))
    }

    /// What to write into the file.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Signer {
    /// Reads a private key, PEM (PKCS #8, or the traditional form of its kind) or JSON (RFC 7517).
    ///
    /// Its kind decides the algorithm, unless a JSON key names one: RS256, ES256, ES384, ES512 or
    /// `EdDSA` on Ed25519.
    pub fn parse(file: &[u8]) -> Result<Self, SigningKeyError> {
        let text = file.trim_ascii();
        if text.starts_with(b"-----") { Self::from_jwk(&pem(text)?) } else { Self::from_jwk(text) }
    }

    fn from_jwk(jwk: &[u8]) -> Result<Self, SigningKeyError> {
        let refused = SigningKeyError::Refused;
        let object = Object::parse(jwk).map_err(|fault| refused(KeyRefusal::Json(fault)))?;
        let algorithm = match object.get("alg") {
            Some(Value::String(name)) => name.parse().map_err(|_| refused(KeyRefusal::Algorithm)),
            Some(_) => Err(refused(KeyRefusal::Algorithm)),
            None => default_algorithm(Material::private(&object).map_err(refused)?.kind),
        }?;
        let key = SigningKey::from_jwk(jwk, algorithm)?;
        let name = key.public_jwk().as_ref().and_then(thumbprint);
        let key = key.named_by_default(name.as_deref().and_then(KeyId::parse));
        match key.public_jwk() {
            Some(Json::Object(public)) => Ok(Self { key, public }),
            _ => Err(SigningKeyError::Library),
        }
    }

    /// The one algorithm of the key.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    /// The public half with `kid`, `alg` and `use`, as a key set publishes it.
    #[must_use]
    pub fn public_jwk(&self) -> &Map<String, Json> {
        &self.public
    }

    /// Signs claims. The header says `alg`, `kid` and this `typ`, which tells what is signed from
    /// every other kind of token (RFC 8725, section 3.11).
    pub fn sign(&self, typ: &str, claims: &Map<String, Json>) -> Result<String, SigningKeyError> {
        let header = Map::from_iter([("typ".to_owned(), Json::from(typ))]);
        self.key.sign(&header, claims)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key", &self.key).finish_non_exhaustive()
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewKey(..)")
    }
}

fn default_algorithm(kind: KeyKind) -> Result<Algorithm, SigningKeyError> {
    match kind {
        KeyKind::Ed25519 => Ok(Algorithm::EdDsa),
        KeyKind::P256 => Ok(Algorithm::Es256),
        KeyKind::P384 => Ok(Algorithm::Es384),
        KeyKind::P521 => Ok(Algorithm::Es512),
        KeyKind::Rsa { .. } => Ok(Algorithm::Rs256),
        KeyKind::Ed448 | KeyKind::X25519 => Err(SigningKeyError::Refused(KeyRefusal::Curve)),
    }
}

/// The PEM labels do not always tell the kind, so each kind has a look. Asking costs nothing: this
/// is one file, read once.
fn pem(text: &[u8]) -> Result<Vec<u8>, SigningKeyError> {
    let elliptic = || EcKeyPair::from_pem(text, None).map(|pair| pair.to_jwk_key_pair());
    let edwards = || EdKeyPair::from_pem(text).map(|pair| pair.to_jwk_key_pair());
    let rsa = || RsaKeyPair::from_pem(text).map(|pair| pair.to_jwk_key_pair());
    let jwk = elliptic().or_else(|_| edwards()).or_else(|_| rsa());
    let jwk = jwk.map_err(|_| SigningKeyError::Refused(KeyRefusal::Material))?;
    // josekit may name an algorithm; the kind of the key says it here.
    let members = jwk.as_ref().iter().filter(|(member, _)| *member != "alg");
    let jwk: Map<_, _> = members.map(|(member, value)| (member.clone(), value.clone())).collect();
    Ok(Json::Object(jwk).to_string().into_bytes())
}

/// RFC 7638: of the required members in the order of their names. All of them are base64url or fixed
/// words, so that nothing needs escaping.
fn thumbprint(public: &Json) -> Option<String> {
    let members: &[&str] = match public.get("kty")?.as_str()? {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "RSA" => &["e", "kty", "n"],
        _ => return None,
    };
    let parts = members.iter().map(|&member| {
        let value = public.get(member)?.as_str()?;
        Some(format!("\"{member}\":\"{value}\""))
    });
    let canonical = parts.collect::<Option<Vec<_>>>()?.join(",");
    Some(base64url::encode(&Sha256::digest(format!("{{{canonical}}}"))))
}

#[cfg(test)]
mod tests {
    use signout_checker::Issuer;

    use super::*;
    use crate::jose::{Compact, KeySet};

    /// Signs with it, and verifies with what it publishes.
    fn check(file: &[u8], algorithm: Algorithm) -> String {
        let signer = Signer::parse(file).unwrap();
        assert_eq!(signer.algorithm(), algorithm);
        let published = serde_json::json!({ "keys": [signer.public_jwk()] }).to_string();
        for private in ["\"d\"", "\"p\"", "\"q\"", "\"dp\""] {
            assert!(!published.contains(private), "{published}");
        }
        let issuer = Issuer::parse("https://signout.example").unwrap();
        let keys = KeySet::from_jwks(issuer, published.as_bytes(), &Algorithm::ALL).unwrap().keys;
        let text = signer.sign("test+jwt", &Map::new()).unwrap();
        let verified = keys.verify(&Compact::parse(&text).unwrap()).unwrap();
        assert_eq!(verified.header().token_type(), Some("test+jwt"));
        verified.header().key_id().unwrap().as_str().to_owned()
    }

    #[test]
    fn a_key_is_kept_in_any_common_form() {
        let new = NewKey::generate().unwrap();
        let name = check(new.expose(), Algorithm::Es256);
        assert_eq!(check(new.expose(), Algorithm::Es256), name, "the same key, the same name");
        let pair = |jwk| EcKeyPair::from_jwk(&Jwk::from_bytes(jwk).unwrap()).unwrap();
        let pair = pair(new.expose());
        for pem in [pair.to_pem_private_key(), pair.to_traditional_pem_private_key()] {
            assert_eq!(check(&pem, Algorithm::Es256), name);
        }
        let edwards = Jwk::generate_ed_key(josekit::jwk::alg::ed::EdCurve::Ed25519).unwrap();
        let edwards = EdKeyPair::from_jwk(&edwards).unwrap();
        check(&edwards.to_pem_private_key(), Algorithm::EdDsa);
        let rsa = RsaKeyPair::generate(2048).unwrap();
        check(&rsa.to_pem_private_key(), Algorithm::Rs256);
        check(&rsa.to_traditional_pem_private_key(), Algorithm::Rs256);
    }

    #[test]
    fn a_key_may_bring_its_name_and_algorithm() {
        let new = NewKey::generate().unwrap();
        let mut jwk: Json = serde_json::from_slice(new.expose()).unwrap();
        jwk["kid"] = "mine".into();
        jwk["alg"] = "ES256".into();
        assert_eq!(check(jwk.to_string().as_bytes(), Algorithm::Es256), "mine");
        for alg in ["RS256", "none", "HS256"] {
            jwk["alg"] = alg.into();
            assert!(Signer::parse(jwk.to_string().as_bytes()).is_err(), "{alg}");
        }
    }

    #[test]
    fn rfc_7638_example() {
        const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aP\
                         FFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93\
                         lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZH\
                         zu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPk\
                         sINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let jwk = serde_json::json!({ "kty": "RSA", "n": N, "e": "AQAB", "kid": "2011-04-29" });
        let expected = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
        assert_eq!(thumbprint(&jwk).as_deref(), Some(expected));
    }

    #[test]
    fn what_is_no_private_key() {
        let public = Signer::parse(NewKey::generate().unwrap().expose()).unwrap();
        let public = Json::Object(public.public_jwk().clone()).to_string();
        for file in ["", "{}", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----", &public] {
            assert!(Signer::parse(file.as_bytes()).is_err(), "{file}");
        }
    }
}
