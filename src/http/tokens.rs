//! `/v1/tokens`: whoever issues or receives tokens says which belong to which session.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, delete, post};
use serde::{Deserialize, Serialize};
use signout_checker::{ClientId, Issuer, JwtId, SessionId, Subject, TokenKind};
use utoipa::ToSchema;

use super::answer::{Failure, Failures, ForgetAnswer, RegisterAnswer, Success};
use super::api_key::{ApiKeys, Caller};
use super::body::{self, OneOrMany};
use super::configured::Issuers;
use super::facts::{self, Kind, NumericDate};
use super::knowledge::Knowledge;
use crate::clock::Clock;
use crate::jose::MAX_TOKEN_BYTES;
use crate::revoker::{Policy, RegisterError, Registered as Outcome, Revoker};
use crate::sessions::IssuedToken;
use crate::settings::Scope;

/// A token to register: its facts, or the signed token and what it does not tell itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenItem {
    /// The signed token (JWS, compact), instead of its facts. It is verified and not kept. Without
    /// a `jti` it is known by the digest of what is signed. Many providers put no `sid` into access
    /// tokens: then it has to stand beside, or a logout of the session does not reach the token.
    #[schema(min_length = 1, max_length = 8192)]
    token: Option<Box<str>>,
    /// `iss`, as configured.
    #[schema(min_length = 1, max_length = 512)]
    iss: Option<Box<str>>,
    /// `jti`.
    #[schema(min_length = 1, max_length = 512)]
    jti: Option<Box<str>>,
    /// The text of a token that is not signed, or whose signature nobody else can verify, instead of
    /// `jti`. It is not kept: the token is known by `sha-256:` and the SHA-256 of its text in hex, which
    /// may stand as `jti` just as well.
    #[schema(min_length = 1, max_length = 8192)]
    opaque_token: Option<Box<str>>,
    /// `sid`, if the login has one.
    #[schema(min_length = 1, max_length = 1024)]
    sid: Option<Box<str>>,
    /// `sub`.
    #[schema(min_length = 1, max_length = 255)]
    sub: Option<Box<str>>,
    /// `client_id`.
    #[schema(min_length = 1, max_length = 255)]
    client_id: Option<Box<str>>,
    /// When it was issued.
    iat: Option<NumericDate>,
    /// When it ends. An access token lives at most `max_token_lifetime`, others ten years.
    exp: Option<NumericDate>,
    /// What kind of token it is; `access` unless said otherwise.
    #[serde(default)]
    kind: Kind,
}

/// What became of one token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenResult {
    status: TokenStatus,
    /// With `born_revoked`: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// With `refused`: what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// What became of one token, in a word.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenStatus {
    /// It will be refused when it, its session or its subject is revoked.
    Registered,
    /// The same facts were registered before.
    AlreadyRegistered,
    /// What it belongs to was revoked before: it is refused from the start.
    BornRevoked,
    /// Nothing was registered.
    Refused,
}

/// Tokens to let go of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ForgetRequest {
    /// `iss`, as configured.
    #[schema(min_length = 1, max_length = 512)]
    iss: Box<str>,
    /// Their `jti`.
    #[schema(min_items = 1, max_items = 1_000)]
    jti: Vec<Box<str>>,
}

/// What was let go of.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Forgotten {
    /// How many of them were registered.
    forgotten: usize,
}

/// Registers issued tokens
///
/// One token or an array of up to 1,000. Each stands for itself: one that is refused does not keep
/// the others out. A body that is not of this form registers none. Registering again is harmless.
#[utoipa::path(
    tag = "tokens",
    operation_id = "register_tokens",
    security(("api_key" = ["register"])),
    request_body(content = inline(OneOrMany<TokenItem>), content_type = "application/json"),
    responses(RegisterAnswer, Failures)
)]
#[post("/v1/tokens")]
pub(super) async fn register(
    request: HttpRequest,
    payload: Payload,
    keys: Data<ApiKeys>,
    issuers: Data<Issuers>,
    revoker: Data<Revoker>,
    knowledge: Data<Knowledge>,
    clock: Data<dyn Clock>,
) -> Result<Success<OneOrMany<TokenResult>>, Failure> {
    let caller = keys.admit(&request, Scope::Register)?;
    let items = body::one_or_many::<TokenItem>(&request, payload).await?;
    let single = matches!(items, OneOrMany::One(_));
    let mut tokens = Vec::new();
    for (number, item) in items.into_vec().into_iter().enumerate() {
        let token = item.into_token(&issuers, &caller).await;
        tokens.push(token.map_err(|error| if single { error } else { error.at(number) })?);
    }
    let registered = revoker.register(tokens, clock.now()).await;
    let registered = registered.map_err(|error| Failure::unavailable(error.to_string()))?;
    knowledge.acknowledged(revoker.position()).await?;
    tracing::debug!(api_key = caller.name(), tokens = registered.len(), "tokens registered");
    let mut results = registered.into_iter();
    if !single {
        return Ok(Success::Done(OneOrMany::Many(results.map(TokenResult::from).collect())));
    }
    match results.next() {
        Some(Outcome::Refused(error @ RegisterError::Conflict)) => {
            Err(Failure::conflict(error.to_string()))
        }
        Some(Outcome::Refused(error)) => Err(Failure::bad_request(error.to_string())),
        Some(result) => Ok(Success::Done(OneOrMany::One(result.into()))),
        None => Err(Failure::unavailable("the service is stopping")),
    }
}

/// Lets go of tokens that ended by themselves
///
/// Nothing is revoked, and nothing that was revoked becomes valid.
#[utoipa::path(
    tag = "tokens",
    operation_id = "forget_tokens",
    security(("api_key" = ["register"])),
    request_body(content = ForgetRequest, content_type = "application/json"),
    responses(ForgetAnswer, Failures)
)]
#[delete("/v1/tokens")]
pub(super) async fn forget(
    request: HttpRequest,
    payload: Payload,
    keys: Data<ApiKeys>,
    issuers: Data<Issuers>,
    revoker: Data<Revoker>,
) -> Result<Success<Forgotten>, Failure> {
    let caller = keys.admit(&request, Scope::Register)?;
    let ForgetRequest { iss, jti } = body::json(&request, payload).await?;
    body::at_most(jti.len())?;
    let issuer = Issuer::parse(iss).map_err(facts::invalid)?;
    caller.act_for(&issuer)?;
    issuers.require(&issuer)?;
    let jwt_ids = jti.into_iter().map(JwtId::parse).collect::<Result<Vec<_>, _>>();
    let forgotten = revoker.forget(issuer, jwt_ids.map_err(facts::invalid)?).await;
    let forgotten = forgotten.map_err(|error| Failure::unavailable(error.to_string()))?;
    Ok(Success::Done(Forgotten { forgotten }))
}

impl TokenItem {
    async fn into_token(
        self,
        issuers: &Data<Issuers>,
        caller: &Caller<'_>,
    ) -> Result<(IssuedToken, Policy), Failure> {
        let kind = TokenKind::from(self.kind);
        let token = match self {
            Self {
                token: Some(text),
                iss: None,
                jti: None,
                opaque_token: None,
                iat: None,
                exp: None,
                ..
            } => {
                let named = facts::of_signed_token(&text, issuers, caller).await?;
                let Self { sid, sub, client_id, .. } = self;
                let session = facts::optional(sid, SessionId::parse)?;
                let subject = facts::optional(sub, Subject::parse)?;
                let client = facts::optional(client_id, ClientId::parse)?;
                IssuedToken {
                    issuer: named.issuer,
                    jwt_id: named.jwt_id.ok_or_else(|| missing("jti"))?,
                    session: agreed("sid", named.session, session)?,
                    subject: agreed("sub", named.subject, subject)?,
                    client: agreed("client_id", named.client, client)?,
                    kind,
                    issued_at: named.issued_at.ok_or_else(|| missing("iat"))?,
                    expires_at: named.expires_at.ok_or_else(|| missing("exp"))?,
                }
            }
            Self { token: Some(_), .. } => {
                let detail = "a token tells its iss, jti, iat and exp itself; beside it only sid, \
                    sub, client_id and kind may stand";
                return Err(Failure::bad_request(detail));
            }
            Self { token: None, iss, jti, opaque_token, sid, sub, client_id, iat, exp, .. } => {
                IssuedToken {
                    issuer: Issuer::parse(iss.ok_or_else(|| missing("iss"))?)
                        .map_err(facts::invalid)?,
                    jwt_id: called(jti, opaque_token.as_deref())?,
                    session: facts::optional(sid, SessionId::parse)?,
                    subject: facts::optional(sub, Subject::parse)?,
                    client: facts::optional(client_id, ClientId::parse)?,
                    kind,
                    issued_at: iat.ok_or_else(|| missing("iat"))?.0,
                    expires_at: exp.ok_or_else(|| missing("exp"))?.0,
                }
            }
        };
        caller.act_for(&token.issuer)?;
        let policy = issuers.require(&token.issuer)?.policy;
        Ok((token, policy))
    }
}

impl From<Outcome> for TokenResult {
    fn from(outcome: Outcome) -> Self {
        let (status, reason, detail) = match outcome {
            Outcome::New => (TokenStatus::Registered, None, None),
            Outcome::Already => (TokenStatus::AlreadyRegistered, None, None),
            Outcome::BornRevoked(reason) => (TokenStatus::BornRevoked, Some(reason.as_str()), None),
            Outcome::Refused(error) => (TokenStatus::Refused, None, Some(error.to_string())),
        };
        Self { status, reason, detail }
    }
}

/// What a token is called: by its issuer, or by its own text.
fn called(jti: Option<Box<str>>, opaque: Option<&str>) -> Result<JwtId, Failure> {
    let jwt_id = match (jti, opaque) {
        (Some(jti), None) => JwtId::parse(jti),
        (None, Some(text)) if (1..=MAX_TOKEN_BYTES).contains(&text.len()) => facts::of_opaque(text),
        (None, Some(_)) => {
            let detail = format!("opaque_token has 1 to {MAX_TOKEN_BYTES} bytes");
            return Err(Failure::bad_request(detail));
        }
        (Some(_), Some(_)) => {
            return Err(Failure::bad_request("send either jti or opaque_token, not both"));
        }
        (None, None) => return Err(missing("jti")),
    };
    jwt_id.map_err(facts::invalid)
}

/// What the token says and what stands beside it: they must not differ.
fn agreed<T: PartialEq>(
    claim: &str,
    of_token: Option<T>,
    beside: Option<T>,
) -> Result<Option<T>, Failure> {
    if of_token.is_some() && beside.is_some() && of_token != beside {
        return Err(Failure::bad_request(format!("the token has another {claim}")));
    }
    Ok(of_token.or(beside))
}

fn missing(claim: &str) -> Failure {
    Failure::bad_request(format!("{claim} is missing"))
}
