//! An API on axum that refuses revoked tokens.
//!
//! ```console
//! $ export SIGNOUT_URL=http://127.0.0.1:8080 SIGNOUT_API_KEY=...
//! $ cargo run -p signout-checker --example axum --features tower,http
//! listening on 127.0.0.1:3000
//! ```

use std::env;
use std::error::Error;

use axum::Router;
use axum::http::request::Parts;
use axum::routing::get;
use signout_checker::http::{ApiKey, Follower, Service};
use signout_checker::tower::SignoutLayer;
use signout_checker::{Checker, Claims, Policy, Rule};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // signout: follow the service, ...
    let checker = Checker::new(Policy::default());
    let key = ApiKey::parse(env::var("SIGNOUT_API_KEY")?)?;
    let service = Service::at(&env::var("SIGNOUT_URL")?, key)?;
    tokio::spawn(Follower::new(&service, checker.clone())?.run());
    // ... and refuse what it revoked.
    let guard = SignoutLayer::new(checker).claims(your_own_verification).rules(|request| {
        if request.uri.path() == "/health" { Rule::skip() } else { Rule::require() }
    });

    let app = Router::new()
        .route("/orders", get(|| async { "3 orders\n" }))
        .route("/health", get(|| async { "ok\n" }))
        .layer(guard);
    let listen = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(listen).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// STAND-IN. Here your API verifies the token: its signature, `iss`, `aud` and `exp`. This function
/// verifies nothing and believes everybody; never use it.
fn your_own_verification(request: &Parts) -> Option<Claims> {
    let header = request.headers.get("authorization")?.to_str().ok()?;
    Claims::peek_without_verifying(header.strip_prefix("Bearer ")?).ok()
}
