//! The endpoints that OAuth clients and resource servers know: revocation (RFC 7009), introspection
//! (RFC 7662, RFC 9701) and where to find them (RFC 8414).
//!
//! A client is an api key: its name and the key are `client_id` and `client_secret`. There is no
//! authorization endpoint and no token endpoint: tokens are issued by the providers.

mod acceptable;
mod client;
mod introspect;
mod introspection;
mod metadata;
mod metrics;
mod presented;
mod revoke;
mod signing;
mod throttle;

pub(super) use introspect::introspect_token;
pub(super) use introspection::Introspection;
pub(super) use metadata::{Metadata, PublishedKeys, published_keys, server_metadata};
pub(super) use revoke::revoke_token;
pub(super) use throttle::Throttle;

pub use introspection::IntrospectionRules;
pub use metrics::Metrics as OAuthMetrics;
pub use signing::Signing;

use std::borrow::Cow;
use std::future::{Ready, ready};

use actix_web::web::{Data, Payload};
use actix_web::{FromRequest, HttpRequest, dev};
use utoipa::ToSchema;

use super::access_log::TraceId;
use super::answer::OAuthFailure;
use super::api_key::ApiKeys;
use super::backchannel::MaxBodyBytes;
use super::body::BodyError;
use super::configured::Issuers;
use super::form::{Form, FormError, Repeated};
use super::knowledge::Knowledge;
use super::pace::TooFast;
use crate::clock::Clock;
use crate::revoker::Revoker;
use metrics::{Metrics, Route};

/// The form of both endpoints. Other parameters are ignored.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form to utoipa; the pairs are read one by one")]
pub(super) struct TokenForm {
    /// The token, once.
    #[schema(min_length = 1)]
    token: String,
    /// Ignored: every kind is looked for (RFC 7009, section 2.1).
    token_type_hint: Option<String>,
    /// The name of an api key, unless it comes by HTTP Basic.
    client_id: Option<String>,
    /// The key.
    client_secret: Option<String>,
}

/// What the endpoints use.
pub(super) struct Endpoint {
    keys: Data<ApiKeys>,
    issuers: Data<Issuers>,
    revoker: Data<Revoker>,
    knowledge: Data<Knowledge>,
    clock: Data<dyn Clock>,
    metrics: Data<Metrics>,
    throttle: Data<Throttle>,
    max_body: Data<MaxBodyBytes>,
    trace_id: TraceId,
}

impl Endpoint {
    async fn form(&self, request: &HttpRequest, payload: Payload) -> Result<Form, OAuthFailure> {
        let form = Form::read(request, payload, self.max_body.0 as usize).await;
        form.map_err(|error| match error {
            FormError::Body(BodyError::TooLarge) => OAuthFailure::too_large(),
            FormError::Body(BodyError::Broken) => {
                OAuthFailure::invalid_request("the body ended early")
            }
            FormError::ContentType => OAuthFailure::invalid_request(
                "send the token as application/x-www-form-urlencoded in the body of a POST",
            ),
        })
    }

    fn count<T>(&self, route: Route, outcome: &Result<T, OAuthFailure>) {
        self.metrics.answered(route, outcome.as_ref().map_or_else(OAuthFailure::label, |_| "done"));
    }
}

/// The one token of the form (`rev_6`).
fn token(form: &Form) -> Result<Cow<'_, str>, OAuthFailure> {
    let token = form.one("token")?;
    token.ok_or_else(|| OAuthFailure::invalid_request("token is missing"))
}

impl From<TooFast> for OAuthFailure {
    fn from(TooFast { retry_after }: TooFast) -> Self {
        Self::slow_down(retry_after)
    }
}

impl From<Repeated> for OAuthFailure {
    fn from(_: Repeated) -> Self {
        Self::invalid_request("a parameter comes more than once")
    }
}

impl FromRequest for Endpoint {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let mut endpoint = || {
            Ok(Self {
                keys: Data::from_request(request, payload).into_inner()?,
                issuers: Data::from_request(request, payload).into_inner()?,
                revoker: Data::from_request(request, payload).into_inner()?,
                knowledge: Data::from_request(request, payload).into_inner()?,
                clock: Data::from_request(request, payload).into_inner()?,
                metrics: Data::from_request(request, payload).into_inner()?,
                throttle: Data::from_request(request, payload).into_inner()?,
                max_body: Data::from_request(request, payload).into_inner()?,
                trace_id: TraceId::given(request),
            })
        };
        ready(endpoint())
    }
}
