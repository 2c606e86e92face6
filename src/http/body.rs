//! Reading bodies, within a limit and before anything else looks at them.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{BytesMut, Payload};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::answer::Failure;

/// A thousand signed tokens of two KiB each: only callers with an api key may send that much.
const MAX_JSON_BYTES: usize = 2 << 20;
/// More would hold up the journal for everybody else.
const MAX_ITEMS: usize = 1_000;

/// Why a body was not read.
#[derive(Debug)]
pub(super) enum BodyError {
    /// The connection broke.
    Broken,
    /// It is longer than allowed.
    TooLarge,
}

/// Reads at most `limit` bytes.
pub(super) async fn read(payload: Payload, limit: usize) -> Result<BytesMut, BodyError> {
    use futures_core::Stream as _;
    let mut body = BytesMut::new();
    let mut payload = std::pin::pin!(payload);
    while let Some(chunk) =
        std::future::poll_fn(|context| payload.as_mut().poll_next(context)).await
    {
        let chunk = chunk.map_err(|_| BodyError::Broken)?;
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Whether the request's content type is this one, whatever its parameters.
pub(super) fn has_type(request: &HttpRequest, expected: &str) -> bool {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(expected)
}

/// One item or an array of at most 1,000.
#[derive(Debug, Deserialize, serde::Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several, at most 1,000; the answer has as many items in the same order.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// The items, whether one or several.
    pub(super) fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(item) => vec![item],
            Self::Many(items) => items,
        }
    }
}

/// Reads a JSON body.
pub(super) async fn json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
) -> Result<T, Failure> {
    parse(&json_bytes(request, payload).await?)
}

/// Reads a JSON body that holds one item or an array of them.
pub(super) async fn one_or_many<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
) -> Result<OneOrMany<T>, Failure> {
    let bytes = json_bytes(request, payload).await?;
    // Which of the two it is shows in its first character. Trying both, as serde would, makes one
    // error text of two and costs twice.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'[') {
        return parse(&bytes).map(OneOrMany::One);
    }
    let items: Vec<T> = parse(&bytes)?;
    at_most(items.len())?;
    Ok(OneOrMany::Many(items))
}

/// Refuses more items than one request may hold.
pub(super) fn at_most(items: usize) -> Result<(), Failure> {
    if items > MAX_ITEMS {
        return Err(Failure::too_large(format!("{items} items; send at most {MAX_ITEMS} at once")));
    }
    Ok(())
}

async fn json_bytes(request: &HttpRequest, payload: Payload) -> Result<BytesMut, Failure> {
    if !has_type(request, "application/json") {
        return Err(Failure::not_json());
    }
    read(payload, MAX_JSON_BYTES).await.map_err(|error| match error {
        BodyError::Broken => Failure::bad_request("the body ended early"),
        BodyError::TooLarge => {
            Failure::too_large(format!("the body is larger than {MAX_JSON_BYTES} bytes"))
        }
    })
}

/// The error names the place, never the value: values are tokens and people.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    // To keep track of the place costs time, and only who errs wants to know it.
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let (path, error) = (error.path().to_string(), error.into_inner());
        let (line, column) = (error.line(), error.column());
        Failure::bad_request(if error.is_data() {
            format!("at {path} (line {line}, column {column}): not as openapi.yaml says")
        } else {
            format!("no JSON at line {line}, column {column}")
        })
    })?;
    deserializer.end().map_err(|_| Failure::bad_request("more than one JSON value"))?;
    Ok(value)
}
