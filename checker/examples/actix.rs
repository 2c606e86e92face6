//! An API on actix-web that refuses revoked tokens.
//!
//! ```console
//! $ export SIGNOUT_URL=http://127.0.0.1:8080 SIGNOUT_API_KEY=...
//! $ cargo run -p signout-checker --example actix --features actix,http
//! listening on 127.0.0.1:3000
//! ```

use std::env;
use std::error::Error;

use actix_web::dev::ServiceRequest;
use actix_web::{App, HttpServer, web};
use signout_checker::actix::SignoutMiddleware;
use signout_checker::http::{ApiKey, Follower, Service};
use signout_checker::{Checker, Claims, Policy, Rule};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // signout: follow the service, ...
    let checker = Checker::new(Policy::default());
    let key = ApiKey::parse(env::var("SIGNOUT_API_KEY")?)?;
    let service = Service::at(&env::var("SIGNOUT_URL")?, key)?;
    actix_web::rt::spawn(Follower::new(&service, checker.clone())?.run());

    let server = HttpServer::new(move || {
        // ... and refuse what it revoked.
        let guard = SignoutMiddleware::new(checker.clone()).claims(your_own_verification).rules(
            |request| if request.path() == "/health" { Rule::skip() } else { Rule::require() },
        );
        App::new()
            .route("/orders", web::get().to(|| async { "3 orders\n" }))
            .route("/health", web::get().to(|| async { "ok\n" }))
            .wrap(guard)
    });
    let listen = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let server = server.workers(1).bind(listen)?;
    for address in server.addrs() {
        println!("listening on {address}");
    }
    Ok(server.run().await?)
}

/// STAND-IN. Here your API verifies the token: its signature, `iss`, `aud` and `exp`. This function
/// verifies nothing and believes everybody; never use it.
fn your_own_verification(request: &ServiceRequest) -> Option<Claims> {
    let header = request.headers().get("authorization")?.to_str().ok()?;
    Claims::peek_without_verifying(header.strip_prefix("Bearer ")?).ok()
}
