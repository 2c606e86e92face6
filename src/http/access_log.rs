//! One line for each request: what was asked, by route pattern, and how it went. Never a query, a
//! header or a body: they hold tokens.

use std::time::Instant;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

/// Successful checks are the bulk of all requests, so they are told at debug level only.
const CHECK: &str = "/v1/check";

/// The middleware.
pub(super) async fn log(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let method = request.method().clone();
    let response = next.call(request).await?;
    let status = response.status();
    // The pattern, not the path: paths are chosen by others.
    let route = response.request().match_pattern();
    let route = route.as_deref().unwrap_or("(none)");
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let (method, code) = (method.as_str(), status.as_u16());
    if route == CHECK && status.is_success() {
        tracing::debug!(target: "signout::access", method, route, status = code, micros, "request");
    } else {
        tracing::info!(target: "signout::access", method, route, status = code, micros, "request");
    }
    Ok(response)
}
