//! Which form of an answer is wanted (RFC 9701, section 4).

use actix_web::HttpRequest;
use actix_web::http::header::{Accept, Header as _, Quality};

/// As `Accept` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acceptable {
    /// JSON: also if nothing is said, or nothing that can be read.
    Json,
    /// The signed form and nothing else.
    Signed,
    /// The signed form if there is one.
    SignedRather,
}

impl Acceptable {
    /// The signed form is meant only where it is named: a `*/*` comes from clients that never heard
    /// of it.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let Ok(accept) = Accept::parse(request) else { return Self::Json };
        let quality = |wanted: &[&str]| {
            let items = accept.iter().filter(|item| wanted.contains(&item.item.essence_str()));
            items.map(|item| item.quality).max().unwrap_or(Quality::ZERO)
        };
        let signed = quality(&["application/token-introspection+jwt"]);
        let named = quality(&["application/json"]);
        let any = quality(&["application/*", "*/*"]);
        if signed == Quality::ZERO || signed < named {
            Self::Json
        } else if named.max(any) == Quality::ZERO {
            Self::Signed
        } else {
            Self::SignedRather
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::ACCEPT;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn intro_7_the_signed_form_is_asked_for_by_name() {
        const JWT: &str = "application/token-introspection+jwt";
        for (accept, expected) in [
            ("", Acceptable::Json),
            ("*/*", Acceptable::Json),
            ("application/json", Acceptable::Json),
            ("application/jwt", Acceptable::Json),
            (JWT, Acceptable::Signed),
            (&JWT.to_uppercase(), Acceptable::Signed),
            (&format!("{JWT};q=0.5"), Acceptable::Signed),
            (&format!("{JWT};q=0"), Acceptable::Json),
            (&format!("{JWT}, application/json"), Acceptable::SignedRather),
            (&format!("application/json;q=0.9, {JWT}"), Acceptable::SignedRather),
            (&format!("{JWT};q=0.5, application/json"), Acceptable::Json),
            (&format!("{JWT}, */*;q=0.1"), Acceptable::SignedRather),
        ] {
            let request = TestRequest::post().insert_header((ACCEPT, accept)).to_http_request();
            assert_eq!(Acceptable::of(&request), expected, "{accept}");
        }
    }
}
