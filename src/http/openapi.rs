//! The contract, `openapi.yaml`, from the routes that are mounted.

use actix_web::App;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{LicenseBuilder, OpenApi};
use utoipa::{Modify, OpenApi as _};
use utoipa_actix_web::AppExt as _;

use super::answer::{LogoutError, Problem, SnapshotBytes};
use super::body::OneOrMany;
use super::check::TokenVerdict;
use super::revocations::{Carried, DryRun};
use super::tokens::{Forgotten, TokenResult, TokenStatus};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "signout",
        description = "Ends access tokens when a login ends.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "provider", description = "Called by identity providers."),
        (name = "tokens", description = "Called by APIs, gateways and token issuers."),
        (name = "revocations", description = "Called by administrators and other services."),
        (name = "feed", description = "Followed by those who keep what is refused themselves."),
    ),
    paths(super::forward_auth::forward_auth),
    components(schemas(
        Carried,
        DryRun,
        Forgotten,
        LogoutError,
        OneOrMany<TokenResult>,
        OneOrMany<TokenVerdict>,
        Problem,
        SnapshotBytes,
        TokenResult,
        TokenStatus,
        TokenVerdict,
    )),
    modifiers(&ApiKeySecurity)
)]
struct Head;

struct ApiKeySecurity;

impl Modify for ApiKeySecurity {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "An api key of the configuration, with the scope that the route asks for.",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(scheme));
    }
}

/// The whole contract.
#[must_use]
pub fn document() -> OpenApi {
    let (_, mut document) = App::new()
        .into_utoipa_app()
        .openapi(Head::openapi())
        .configure(super::mount)
        .split_for_parts();
    document.info.license = Some(
        LicenseBuilder::new()
            .name("MIT OR Apache-2.0")
            .identifier(Some("MIT OR Apache-2.0"))
            .build(),
    );
    document
}
