//! One line for each request: what was asked, by route pattern, and how it went. Never a query, a
//! header or a body: they hold tokens.
//!
//! Each line carries the request's `trace_id`: the caller's, if it sends a `traceparent` (W3C Trace
//! Context), else a new one. It is a field, not a span, whose fields the log would format a
//! second time for each line.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest};

/// Successful checks are the bulk of all requests, and a logout that went well has a line of its own
/// that says more: these are told at debug level only.
const TOLD_ELSEWHERE: [&str; 5] = [
    "/v1/check",
    "/forward-auth",
    "/forward-auth/{anything:.*}",
    "/backchannel-logout",
    "/backchannel-logout/{provider}",
];

/// The middleware.
pub(super) async fn log(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let trace_id = TraceId::of(&request);
    request.extensions_mut().insert(trace_id);
    let started = Instant::now();
    let method = request.method().clone();
    let response = next.call(request).await?;
    let status = response.status();
    // The pattern, not the path: paths are chosen by others.
    let route = response.request().match_pattern();
    let route = route.as_deref().unwrap_or("(none)");
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (method, status_code) = (method.as_str(), status.as_u16());
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                target: "signout::access",
                %trace_id, method, route, status = status_code, micros, "request"
            )
        };
    }
    if status.is_success() && TOLD_ELSEWHERE.contains(&route) {
        line!(debug);
    } else {
        line!(info);
    }
    Ok(response)
}

/// W3C Trace Context, section 3.2.2.3: 16 bytes, not all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TraceId(u128);

impl TraceId {
    /// The one that was given to this request.
    pub(super) fn given(request: &HttpRequest) -> Self {
        request.extensions().get().copied().unwrap_or_else(Self::fresh)
    }

    fn of(request: &ServiceRequest) -> Self {
        let parent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
        parent.and_then(Self::from_traceparent).unwrap_or_else(Self::fresh)
    }

    /// `version-traceid-parentid-flags`, in lower case.
    fn from_traceparent(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace_id, parent_id) = (parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |part: &str, length| {
            part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let well_formed = is_hex(version, 2) && version != "ff" && is_hex(parent_id, 16);
        let trace_id = is_hex(trace_id, 32).then(|| u128::from_str_radix(trace_id, 16).ok())??;
        (well_formed && trace_id != 0).then_some(Self(trace_id))
    }

    /// Random once for each process, then counted: unique, and costs nothing.
    fn fresh() -> Self {
        static PROCESS: OnceLock<u64> = OnceLock::new();
        static REQUESTS: AtomicU64 = AtomicU64::new(1);
        let process = PROCESS.get_or_init(|| {
            let mut random = [0; 8];
            // Without randomness traces of two processes may share an id; nothing else depends on it.
            let _ = getrandom::fill(&mut random);
            u64::from_le_bytes(random)
        });
        let request = REQUESTS.fetch_add(1, Ordering::Relaxed);
        Self(u128::from(*process) << 64 | u128::from(request))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_trace_id_is_kept_if_it_is_one() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let of = |text: &str| TraceId::from_traceparent(text).map(|id| id.to_string());
        assert_eq!(of(&format!("00-{id}-00f067aa0ba902b7-01")).as_deref(), Some(id));
        assert_eq!(of(&format!("cc-{id}-00f067aa0ba902b7-01-later")).as_deref(), Some(id));
        for wrong in [
            "",
            "00",
            &format!("00-{}-00f067aa0ba902b7-01", id.to_uppercase()),
            &format!("00-{id}0-00f067aa0ba902b7-01"),
            &format!("00-{id}-zz-01"),
            &format!("ff-{id}-00f067aa0ba902b7-01"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert_ne!(TraceId::fresh(), TraceId::fresh());
    }
}
