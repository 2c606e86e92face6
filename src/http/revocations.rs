//! `POST /v1/revocations`: orders to revoke, from administrators and other services.

#![expect(unused_qualifications, reason = "utoipa's macro writes them")]

use actix_web::web::{Data, Payload, Query};
use actix_web::{HttpRequest, post};
use serde::{Deserialize, Serialize};
use signout_checker::{ClientId, Issuer, JwtId, SessionId, Subject, Target};
use utoipa::{IntoParams, ToSchema};

use super::access_log::TraceId;
use super::answer::{Failure, Failures, RevokeAnswer, Success};
use super::api_key::ApiKeys;
use super::body;
use super::configured::Issuers;
use super::facts::{self, NumericDate};
use super::knowledge::Knowledge;
use crate::clock::Clock;
use crate::revoker::{Order, Revoker};
use crate::settings::Scope;

/// An order to revoke one target.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevocationRequest {
    target: RevocationTarget,
    reason: Reason,
    /// Refuse tokens issued at or before this. By default: every token of a token or session
    /// target; for the others what was issued until now, so that a later login passes. Not in the
    /// future.
    issued_before: Option<NumericDate>,
}

/// What to revoke: exactly one of `jti`, `sid`, `sub` and `client_id`, or none of them for
/// everything of the issuer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RevocationTarget {
    /// `iss`, as configured.
    #[schema(min_length = 1, max_length = 512)]
    iss: Box<str>,
    /// One token.
    #[schema(min_length = 1, max_length = 512)]
    jti: Option<Box<str>>,
    /// One session.
    #[schema(min_length = 1, max_length = 1024)]
    sid: Option<Box<str>>,
    /// One user.
    #[schema(min_length = 1, max_length = 255)]
    sub: Option<Box<str>>,
    /// One client.
    #[schema(min_length = 1, max_length = 255)]
    client_id: Option<Box<str>>,
}

/// Why.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Reason {
    /// The provider said so, through the caller.
    BackchannelLogout,
    /// The provider's front-channel page said so, through the caller.
    FrontchannelLogout,
    /// A client asked for it.
    RevocationRequest,
    /// An administrator decided.
    Admin,
    /// The password was changed.
    PasswordChange,
    /// The account was disabled.
    AccountDisabled,
    /// The provider no longer vouches for the user.
    RecheckFailed,
    /// A security event said so.
    SecurityEvent,
}

/// A revocation that is durable here and refused here.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Carried {
    /// Names this revocation in logs and audits.
    id: String,
    /// To see it in a check: `POST /v1/check?at_least=<position>`.
    position: String,
    /// Registered tokens that are refused from now on. Others may be hit as well.
    tokens_hit: usize,
}

/// What a revocation would do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DryRun {
    /// Registered tokens that it would hit now.
    tokens_hit: usize,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Mode {
    /// Only tell what it would hit.
    #[serde(default)]
    dry_run: bool,
}

/// Revokes one target
///
/// Answered when it is durable and refused here. A revocation only grows: it cannot be taken back.
#[utoipa::path(
    tag = "revocations",
    operation_id = "revoke",
    security(("api_key" = ["revoke"])),
    params(Mode),
    request_body(content = RevocationRequest, content_type = "application/json"),
    responses(RevokeAnswer, Failures)
)]
#[post("/v1/revocations")]
pub(super) async fn revoke(
    request: HttpRequest,
    payload: Payload,
    keys: Data<ApiKeys>,
    issuers: Data<Issuers>,
    revoker: Data<Revoker>,
    knowledge: Data<Knowledge>,
    clock: Data<dyn Clock>,
) -> Result<Revoke, Failure> {
    let caller = keys.admit(&request, Scope::Revoke)?;
    let Mode { dry_run } = Query::<Mode>::from_query(request.query_string())
        .map_err(|_| Failure::bad_request("the only parameter is dry_run, true or false"))?
        .into_inner();
    let RevocationRequest { target, reason, issued_before } = body::json(&request, payload).await?;
    let target = target.into_target()?;
    caller.act_for(target.issuer())?;
    let configured = issuers.require(target.issuer())?;
    let now = clock.now();
    let issued_before = issued_before.map(|date| date.0);
    if issued_before.is_some_and(|date| date > now.plus(configured.leeway())) {
        return Err(Failure::bad_request("issued_before is in the future"));
    }
    let kind = target.kind();
    let policy = configured.policy;
    let order = Order { target, issued_before, reason: reason.into(), policy };
    if dry_run {
        let tokens_hit = revoker.would_hit(&order, now);
        return Ok(Revoke::DryRun(Success::Done(DryRun { tokens_hit })));
    }
    let carried = revoker.revoke(order, now).await;
    let carried = carried.map_err(|error| Failure::unavailable(error.to_string()))?;
    knowledge.acknowledged(carried.position).await?;
    let position = carried.position.to_string();
    let tokens_hit = carried.tokens_hit;
    let provider = configured.provider.name();
    let trace_id = TraceId::given(&request);
    tracing::info!(
        %trace_id,api_key = caller.name(), provider, target = %kind, tokens_hit, position, "revocation");
    let id = format!("rev-{position}");
    Ok(Revoke::Carried(Success::Created(Carried { id, position, tokens_hit })))
}

/// The two ways it can go well.
#[derive(Debug)]
pub(super) enum Revoke {
    DryRun(Success<DryRun>),
    Carried(Success<Carried>),
}

impl actix_web::Responder for Revoke {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, request: &HttpRequest) -> actix_web::HttpResponse {
        match self {
            Self::DryRun(done) => done.respond_to(request),
            Self::Carried(done) => done.respond_to(request),
        }
    }
}

impl RevocationTarget {
    fn into_target(self) -> Result<Target, Failure> {
        let Self { iss, jti, sid, sub, client_id } = self;
        let issuer = Issuer::parse(iss).map_err(facts::invalid)?;
        Ok(match (jti, sid, sub, client_id) {
            (Some(jti), None, None, None) => {
                Target::Token(issuer, JwtId::parse(jti).map_err(facts::invalid)?)
            }
            (None, Some(sid), None, None) => {
                Target::Session(issuer, SessionId::parse(sid).map_err(facts::invalid)?)
            }
            (None, None, Some(sub), None) => {
                Target::Subject(issuer, Subject::parse(sub).map_err(facts::invalid)?)
            }
            (None, None, None, Some(client)) => {
                Target::Client(issuer, ClientId::parse(client).map_err(facts::invalid)?)
            }
            (None, None, None, None) => Target::Issuer(issuer),
            _ => {
                let detail = "name at most one of jti, sid, sub and client_id";
                return Err(Failure::bad_request(detail));
            }
        })
    }
}

impl From<Reason> for signout_checker::Reason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::BackchannelLogout => Self::BackchannelLogout,
            Reason::FrontchannelLogout => Self::FrontchannelLogout,
            Reason::RevocationRequest => Self::RevocationRequest,
            Reason::Admin => Self::Admin,
            Reason::PasswordChange => Self::PasswordChange,
            Reason::AccountDisabled => Self::AccountDisabled,
            Reason::RecheckFailed => Self::RecheckFailed,
            Reason::SecurityEvent => Self::SecurityEvent,
        }
    }
}
