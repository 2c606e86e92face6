//! `POST /v1/check`: is this token revoked?

#![expect(unused_qualifications, reason = "utoipa's macro writes them")]

use std::time::{Duration, Instant};

use actix_web::web::{Data, Payload, Query};
use actix_web::{HttpRequest, post};
use serde::{Deserialize, Serialize};
use signout_checker::{ClientId, Issuer, JwtId, SessionId, Subject, TargetKind};
use utoipa::{IntoParams, ToSchema};

use super::answer::{CheckAnswer, Failure, Failures, Success};
use super::api_key::{ApiKeys, Caller};
use super::body::{self, OneOrMany};
use super::configured::Issuers;
use super::decision::{Decision, decide};
use super::facts::{self, NumericDate};
use super::knowledge::{Age, Knowledge};
use super::metrics::{Metrics, Surface};
use crate::access_token::Named;
use crate::journal::Position;
use crate::revoker::Revoker;
use crate::settings::Scope;

/// Whoever has just revoked something waits at most this long to see it.
const WAIT_AT_MOST: Duration = Duration::from_secs(1);

/// A token to ask about: its facts, or the signed token itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// The signed token (JWS, compact), instead of its facts. Its signature is verified; lifetime
    /// and audience are the caller's business.
    #[schema(min_length = 1, max_length = 8192)]
    token: Option<Box<str>>,
    /// `iss`, as configured.
    #[schema(min_length = 1, max_length = 512)]
    iss: Option<Box<str>>,
    /// `jti`.
    #[schema(min_length = 1, max_length = 512)]
    jti: Option<Box<str>>,
    /// `sid`.
    #[schema(min_length = 1, max_length = 1024)]
    sid: Option<Box<str>>,
    /// `sub`.
    #[schema(min_length = 1, max_length = 255)]
    sub: Option<Box<str>>,
    /// `client_id`.
    #[schema(min_length = 1, max_length = 255)]
    client_id: Option<Box<str>>,
    /// When it was issued. Without it every cut-off of its subject, client or issuer refuses it.
    iat: Option<NumericDate>,
}

/// The answer for one token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenVerdict {
    /// Whether to refuse it.
    revoked: bool,
    /// Why it is refused: the reason of the revocation, or `stale` if nothing is known against it
    /// but this instance has not heard of the others for longer than `max_staleness`
    /// (`when_stale = "deny"`).
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// Which of its facts was revoked: token, session, subject, client or issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'static str>,
    /// When that was decided, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<u64>,
    /// How old the knowledge behind the answer may be: no logout that another instance acknowledged
    /// longer ago than this is unknown here. 0 where there is no other; 9007199254740991 before this
    /// instance has heard of the others at all.
    staleness_ms: u64,
    /// Whether this token was registered or revoked here by its `jti`.
    known: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AtLeast {
    /// Answer only from knowledge at or after this position, as `POST /v1/revocations` gives it.
    #[param(pattern = "^[0-9a-f]{16}\\.[0-9]{1,19}$")]
    at_least: Option<String>,
}

/// Asks whether tokens are revoked
///
/// One token or an array of up to 1,000. What is not registered is found by its session and its
/// subject.
#[utoipa::path(
    tag = "tokens",
    operation_id = "check_tokens",
    security(("api_key" = ["check"])),
    params(AtLeast),
    request_body(content = inline(OneOrMany<Question>), content_type = "application/json"),
    responses(CheckAnswer, Failures)
)]
#[post("/v1/check")]
pub(super) async fn check(
    request: HttpRequest,
    payload: Payload,
    keys: Data<ApiKeys>,
    issuers: Data<Issuers>,
    revoker: Data<Revoker>,
    knowledge: Data<Knowledge>,
    metrics: Data<Metrics>,
) -> Result<Success<OneOrMany<TokenVerdict>>, Failure> {
    let caller = keys.admit(&request, Scope::Check)?;
    wait_for_position(&request, &revoker).await?;
    let questions = body::one_or_many::<Question>(&request, payload).await?;
    let started = Instant::now();
    let age = knowledge.age(&metrics);
    let answers = match questions {
        OneOrMany::One(question) => {
            let named = question.into_named(&issuers, &caller).await?;
            OneOrMany::One(answer(&named, &revoker, age, &metrics)?)
        }
        OneOrMany::Many(questions) => {
            let mut answers = Vec::with_capacity(questions.len());
            for (number, question) in questions.into_iter().enumerate() {
                let named = question.into_named(&issuers, &caller).await;
                let named = named.map_err(|error| error.at(number))?;
                answers.push(answer(&named, &revoker, age, &metrics).map_err(|e| e.at(number))?);
            }
            OneOrMany::Many(answers)
        }
    };
    metrics.check_took(started.elapsed());
    Ok(Success::Done(answers))
}

async fn wait_for_position(request: &HttpRequest, revoker: &Revoker) -> Result<(), Failure> {
    if request.query_string().is_empty() {
        return Ok(());
    }
    let form = "at_least has the form <epoch>.<seq>, as POST /v1/revocations gives it";
    let query = Query::<AtLeast>::from_query(request.query_string())
        .map_err(|_| Failure::bad_request("the only parameter is at_least"))?;
    let Some(at_least) = query.into_inner().at_least else { return Ok(()) };
    let position: Position = at_least.parse().map_err(|_| Failure::bad_request(form))?;
    let reached = tokio::time::timeout(WAIT_AT_MOST, revoker.reached(position)).await;
    match reached {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::conflict("at_least is a position of another journal")),
        Err(_) => Err(Failure::unavailable("at_least is not reached yet")),
    }
}

fn answer(
    named: &Named,
    revoker: &Revoker,
    age: Age,
    metrics: &Metrics,
) -> Result<TokenVerdict, Failure> {
    let decided = decide(named, revoker, age, Surface::Check, metrics);
    let known = decided.registered.is_some();
    match decided.decision {
        Decision::Stale => Ok(TokenVerdict::stale(known, age)),
        Decision::Unnamed => {
            Err(Failure::bad_request("tell at least one of jti, sid and sub, or send the token"))
        }
        Decision::NotRevoked => Ok(TokenVerdict::not_revoked(known, age)),
        Decision::Revoked(revoked) => Ok(TokenVerdict {
            revoked: true,
            reason: Some(revoked.reason.as_str()),
            target: Some(revoked.target.as_str()),
            revoked_at: Some(revoked.revoked_at.as_secs()),
            ..TokenVerdict::not_revoked(known || revoked.target == TargetKind::Token, age)
        }),
    }
}

impl TokenVerdict {
    /// Refused because it cannot be told.
    const fn stale(known: bool, age: Age) -> Self {
        Self { revoked: true, reason: Some("stale"), ..Self::not_revoked(known, age) }
    }

    const fn not_revoked(known: bool, age: Age) -> Self {
        Self {
            revoked: false,
            reason: None,
            target: None,
            revoked_at: None,
            staleness_ms: age.milliseconds,
            known,
        }
    }
}

impl Question {
    async fn into_named(
        self,
        issuers: &Data<Issuers>,
        caller: &Caller<'_>,
    ) -> Result<Named, Failure> {
        let Self { token, iss, jti, sid, sub, client_id, iat } = self;
        let facts = (iss, jti, sid, sub, client_id, iat);
        let (iss, jti, sid, sub, client_id, iat) = match (token, facts) {
            (Some(token), (None, None, None, None, None, None)) => {
                return facts::of_signed_token(&token, issuers, caller).await;
            }
            (Some(_), _) => {
                return Err(Failure::bad_request("send either token or the facts, not both"));
            }
            (None, facts) => facts,
        };
        let iss = iss.ok_or_else(|| Failure::bad_request("iss is missing"))?;
        let issuer = Issuer::parse(iss).map_err(facts::invalid)?;
        caller.act_for(&issuer)?;
        issuers.require(&issuer)?;
        Ok(Named {
            issuer,
            jwt_id: facts::optional(jti, JwtId::parse)?,
            session: facts::optional(sid, SessionId::parse)?,
            subject: facts::optional(sub, Subject::parse)?,
            client: facts::optional(client_id, ClientId::parse)?,
            issued_at: iat.map(|iat| iat.0),
            expires_at: None,
        })
    }
}
