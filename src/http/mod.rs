//! The HTTP surface: reads a request, asks the rooms below, answers.
//!
//! The only room that names actix, and `answer` is its only part that knows status codes. No
//! decision is made here: what a logout token must say is in [`crate::logout_token`], what it does
//! in [`crate::revoker`].
//!
//! Two listeners. The outer one takes logouts, registrations, checks and orders; what is mounted
//! there is what `openapi.yaml` describes, because both come from `mount`. The operators' one has
//! `/metrics`, `/livez` and `/readyz`. Deliberately absent: cookies of our own and CORS; and redirects, but
//! for the one to the login page at `/forward-auth`.

mod access_log;
mod answer;
mod api_key;
mod backchannel;
mod body;
mod check;
mod configured;
mod decision;
mod demo;
mod facts;
mod feed;
mod form;
mod forward_auth;
mod frontchannel;
mod health;
mod knowledge;
mod metrics;
mod oauth;
mod openapi;
mod pace;
mod revocations;
mod server;
mod streamed;
mod tokens;

pub use api_key::ApiKeys;
pub use backchannel::MaxBodyBytes;
pub use configured::{Configured, Issuers};
pub use demo::DemoServer;
pub use forward_auth::ForwardAuthRules;
pub use frontchannel::FrontchannelMetrics;
pub use health::Stopping;
pub use knowledge::Knowledge;
pub use metrics::Metrics;
pub use oauth::{IntrospectionRules, OAuthMetrics, Signing};
pub use openapi::document;
pub use server::{Listeners, ServeError, Server, Tls, block_on};

use actix_web::web;
use utoipa_actix_web::service_config::ServiceConfig;

/// Everything on the outer listener.
fn mount(config: &mut ServiceConfig<'_>) {
    config
        .service(backchannel::any_provider)
        .service(backchannel::one_provider)
        .service(tokens::register)
        .service(tokens::forget)
        .service(check::check)
        .service(revocations::revoke)
        .service(feed::follow)
        .service(feed::snapshot)
        .service(oauth::revoke_token)
        .service(oauth::introspect_token)
        .service(oauth::server_metadata)
        .service(oauth::published_keys)
        .service(frontchannel::frontchannel_logout)
        // The contract describes GET; the method is the one of the request that is asked for.
        .map(|config| {
            let any_method = || web::to(forward_auth::forward_auth);
            config
                .route("/forward-auth", any_method())
                .route("/forward-auth/{anything:.*}", any_method())
        });
}
