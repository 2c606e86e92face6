//! Where clients find the endpoints (RFC 8414), and the key that signs.

use actix_web::get;
use actix_web::web::Data;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::super::answer::{Failure, Failures, KeysAnswer, MetadataAnswer, Success};
use super::introspection::IntrospectionRules;

/// What RFC 8414 has for these endpoints. There is no `response_types_supported`, which it asks for:
/// it may not be empty, and there is nothing to put into it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Metadata {
    /// `[introspection] issuer`.
    issuer: String,
    /// RFC 7009.
    revocation_endpoint: String,
    /// How clients say who they are there.
    revocation_endpoint_auth_methods_supported: [&'static str; 2],
    /// RFC 7662.
    introspection_endpoint: String,
    /// How resource servers say who they are there.
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    /// RFC 9701.
    introspection_signing_alg_values_supported: [&'static str; 1],
    /// The key of signed answers.
    jwks_uri: String,
}

/// RFC 7517, section 5.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct PublishedKeys {
    /// One key, without its private members.
    #[schema(value_type = Vec<Object>)]
    keys: [Map<String, Json>; 1],
}

const AUTH_METHODS: [&str; 2] = ["client_secret_basic", "client_secret_post"];

/// Tells OAuth clients where the endpoints are
///
/// RFC 8414. All URLs begin with `issuer` of `[introspection]`; without it there is nothing to tell.
#[utoipa::path(tag = "oauth", operation_id = "oauth_metadata", responses(MetadataAnswer, Failures))]
#[get("/.well-known/oauth-authorization-server")]
pub(in crate::http) async fn server_metadata(
    rules: Data<IntrospectionRules>,
) -> Result<Success<Metadata>, Failure> {
    let signing = rules.signing.as_ref().ok_or_else(Failure::no_issuer)?;
    let issuer = &signing.issuer;
    Ok(Success::Done(Metadata {
        issuer: issuer.as_str().to_owned(),
        revocation_endpoint: issuer.route("/oauth2/revoke"),
        revocation_endpoint_auth_methods_supported: AUTH_METHODS,
        introspection_endpoint: issuer.route("/oauth2/introspect"),
        introspection_endpoint_auth_methods_supported: AUTH_METHODS,
        introspection_signing_alg_values_supported: [signing.signer.algorithm().as_str()],
        jwks_uri: issuer.route("/.well-known/jwks.json"),
    }))
}

/// Publishes the key that signed answers are verified with
///
/// RFC 7517. There is none without `issuer` in `[introspection]`.
#[utoipa::path(tag = "oauth", operation_id = "oauth_keys", responses(KeysAnswer, Failures))]
#[get("/.well-known/jwks.json")]
pub(in crate::http) async fn published_keys(
    rules: Data<IntrospectionRules>,
) -> Result<Success<PublishedKeys>, Failure> {
    let signing = rules.signing.as_ref().ok_or_else(Failure::no_issuer)?;
    Ok(Success::Done(PublishedKeys { keys: [signing.signer.public_jwk().clone()] }))
}
