//! What a provider says about itself (OpenID Connect Discovery 1.0).

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{AdditionalProviderMetadata, ProviderMetadata};
use serde::{Deserialize, Deserializer, Serialize};
use signout_checker::Issuer;
use thiserror::Error;

use super::http_client::DOCUMENT_LIMIT;
use super::{Endpoint, EndpointError, FetchError, HttpClient, PlainHttp};

/// Appended to the issuer (Discovery 1.0, section 4.1). RFC 8414 would insert its own after the host.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

type Document = ProviderMetadata<
    Additional,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// A provider's metadata, for the issuer that is configured and no other.
#[derive(Clone, Debug)]
pub struct Metadata {
    document: Document,
    jwks_uri: Endpoint,
}

/// What the document says about back-channel logout (OpenID Connect Back-Channel Logout 1.0,
/// section 2.1). Several providers send logout tokens without saying so: this is for diagnosis
/// and gates nothing.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct BackchannelLogout {
    /// Logout tokens are sent.
    #[serde(default, deserialize_with = "flag", rename = "backchannel_logout_supported")]
    pub supported: bool,
    /// Logout tokens carry `sid`.
    #[serde(default, deserialize_with = "flag", rename = "backchannel_logout_session_supported")]
    pub session_supported: bool,
}

/// What the library does not know by itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Additional {
    #[serde(flatten)]
    backchannel_logout: BackchannelLogout,
    /// RFC 8414, section 2.
    #[serde(default, deserialize_with = "text")]
    revocation_endpoint: Option<String>,
}

impl AdditionalProviderMetadata for Additional {}

/// Why there is no metadata.
#[derive(Debug, Error)]
pub enum DiscoveryError {
    /// The issuer or the `jwks_uri` is a URL that is not asked.
    #[error("{member}: {source}")]
    Endpoint {
        /// `issuer` or `jwks_uri`.
        member: &'static str,
        /// Why not.
        source: EndpointError,
    },
    /// No answer.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The document is another provider's (Discovery 1.0, section 4.3).
    #[error(
        "the provider calls itself {found:?} and the configuration calls it {expected:?}: they \
         must be the same byte for byte, a slash at the end included; set `issuer` to what the \
         provider says"
    )]
    IssuerMismatch {
        /// The configured issuer.
        expected: Issuer,
        /// What the document says, cut to the length of the longest issuer.
        found: String,
    },
    /// No JSON, or a required member is missing.
    #[error(
        "{url} is no OpenID provider metadata: check `issuer`, or set `jwks_uri` to do without ({source})"
    )]
    Malformed {
        /// What was asked.
        url: Endpoint,
        /// Where it went wrong.
        source: serde_json::Error,
    },
}

impl Metadata {
    /// Asks the provider.
    pub async fn fetch(
        client: &HttpClient,
        issuer: &Issuer,
        plain_http: PlainHttp,
    ) -> Result<Self, DiscoveryError> {
        let url = well_known(issuer, plain_http)?;
        let response = client.get(&url, None, DOCUMENT_LIMIT).await?.ok()?;
        Self::parse(&url, response.body(), issuer, plain_http)
    }

    fn parse(
        url: &Endpoint,
        body: &[u8],
        issuer: &Issuer,
        plain_http: PlainHttp,
    ) -> Result<Self, DiscoveryError> {
        let document: Document = serde_json::from_slice(body)
            .map_err(|source| DiscoveryError::Malformed { url: url.clone(), source })?;
        // `IssuerUrl` keeps the text beside the parsed URL, so nothing was normalised here.
        if document.issuer().as_str() != issuer.as_str() {
            return Err(DiscoveryError::IssuerMismatch {
                expected: issuer.clone(),
                found: document.issuer().chars().take(Issuer::MAX_BYTES).collect(),
            });
        }
        let jwks_uri = Endpoint::parse(document.jwks_uri().as_str(), plain_http)
            .map_err(|source| DiscoveryError::Endpoint { member: "jwks_uri", source })?;
        Ok(Self { document, jwks_uri })
    }

    /// Where the keys are.
    pub fn jwks_uri(&self) -> &Endpoint {
        &self.jwks_uri
    }

    /// What is said about back-channel logout.
    pub fn backchannel_logout(&self) -> BackchannelLogout {
        self.document.additional_metadata().backchannel_logout
    }

    /// Where browsers go to log in.
    pub fn authorization_endpoint(&self) -> &str {
        self.document.authorization_endpoint().as_str()
    }

    /// Where codes and refresh tokens are exchanged. Not held against the URL rule yet.
    pub fn token_endpoint(&self) -> Option<&str> {
        self.document.token_endpoint().map(|url| url.as_str())
    }

    /// Where tokens are revoked (RFC 8414, section 2). Not held against the URL rule yet.
    pub fn revocation_endpoint(&self) -> Option<&str> {
        self.document.additional_metadata().revocation_endpoint.as_deref()
    }

    /// Where `UserInfo` is asked. Not held against the URL rule yet.
    pub fn userinfo_endpoint(&self) -> Option<&str> {
        self.document.userinfo_endpoint().map(|url| url.as_str())
    }
}

fn well_known(issuer: &Issuer, plain_http: PlainHttp) -> Result<Endpoint, DiscoveryError> {
    let issuer = issuer.as_str();
    // Section 4.1: one terminating slash goes before the suffix is appended.
    let url = format!("{}{WELL_KNOWN}", issuer.strip_suffix('/').unwrap_or(issuer));
    Endpoint::parse(&url, plain_http)
        .map_err(|source| DiscoveryError::Endpoint { member: "issuer", source })
}

/// An odd value is read as an absent one: a flag that gates nothing must not cost the document.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(serde_json::Value::deserialize(deserializer)? == serde_json::Value::Bool(true))
}

/// An odd value is read as an absent one here too: whoever needs it says so.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ISSUER: &str = "https://op.example/realm";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://op.example/authorize",
            "jwks_uri": "https://op.example/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "FUTURE512"],
        })
    }

    fn parse(member: &str, value: Value) -> Result<Metadata, DiscoveryError> {
        let mut document = document();
        document[member] = value;
        let issuer = Issuer::parse(ISSUER).unwrap();
        let url = well_known(&issuer, PlainHttp::Deny).unwrap();
        Metadata::parse(&url, document.to_string().as_bytes(), &issuer, PlainHttp::Deny)
    }

    #[test]
    fn disc_1_issuer_is_compared_byte_for_byte() {
        assert!(parse("issuer", ISSUER.into()).is_ok());
        for found in [
            "https://op.example/realm/",
            "https://OP.example/realm",
            "https://op.example:443/realm",
            "https://op.example/%72ealm",
            "https://op.example/{tenantid}",
        ] {
            let error = parse("issuer", found.into()).unwrap_err();
            assert!(matches!(error, DiscoveryError::IssuerMismatch { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(&format!("{found:?}")), "{text}");
            assert!(text.contains(&format!("{ISSUER:?}")), "{text}");
        }
    }

    #[test]
    fn disc_2_jwks_uri_obeys_the_rule() {
        assert!(parse("jwks_uri", "https://elsewhere.example/keys".into()).is_ok());
        for url in ["http://op.example/keys", "http://127.0.0.1/keys", "file:///keys"] {
            let error = parse("jwks_uri", url.into()).unwrap_err();
            let member = "jwks_uri";
            assert!(matches!(error, DiscoveryError::Endpoint { member: m, .. } if m == member));
        }
        for odd in [Value::Null, json!(1), json!("keys")] {
            let error = parse("jwks_uri", odd).unwrap_err();
            assert!(matches!(error, DiscoveryError::Malformed { .. }), "{error}");
        }
    }

    #[test]
    fn disc_5_suffix_is_appended() {
        for (issuer, url) in [
            ("https://op.example", "https://op.example/.well-known/openid-configuration"),
            ("https://op.example/", "https://op.example/.well-known/openid-configuration"),
            ("https://op.example/a/", "https://op.example/a/.well-known/openid-configuration"),
            ("https://op.example/a", "https://op.example/a/.well-known/openid-configuration"),
        ] {
            let issuer = Issuer::parse(issuer).unwrap();
            assert_eq!(well_known(&issuer, PlainHttp::Deny).unwrap().as_str(), url);
        }
    }

    #[test]
    fn disc_7_an_absent_or_odd_flag_is_false_and_no_error() {
        let said = |value| {
            parse("backchannel_logout_supported", value).unwrap().backchannel_logout().supported
        };
        assert!(said(true.into()));
        for odd in [false.into(), Value::Null, "true".into(), json!(1), json!({})] {
            assert!(!said(odd));
        }
        let silent = parse("issuer", ISSUER.into()).unwrap();
        assert_eq!(silent.backchannel_logout(), BackchannelLogout::default());
    }

    #[test]
    fn disc_7_an_absent_or_odd_revocation_endpoint_is_none_and_no_error() {
        let said = |value| {
            let metadata = parse("revocation_endpoint", value).unwrap();
            metadata.revocation_endpoint().map(str::to_owned)
        };
        assert_eq!(said("https://op.example/revoke".into()).unwrap(), "https://op.example/revoke");
        for odd in [Value::Null, json!(1), json!(["https://op.example/revoke"])] {
            assert_eq!(said(odd), None);
        }
        assert_eq!(parse("issuer", ISSUER.into()).unwrap().revocation_endpoint(), None);
    }
}
