//! Who asks: client authentication by password (RFC 6749, section 2.3.1).

use std::borrow::Cow;
use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::answer::OAuthFailure;
use super::super::api_key::{ApiKeys, Caller};
use super::super::form::Form;
use super::throttle::Throttle;
use crate::settings::Scope;

/// Lets a client pass whose credentials are right and whose key has this scope.
///
/// They come by HTTP Basic or in the form, and in one way only (section 2.3); a `client_id` beside
/// Basic is not a second way as long as it says the same.
pub(super) fn admit<'k>(
    keys: &'k ApiKeys,
    throttle: &Throttle,
    request: &HttpRequest,
    form: &Form,
    scope: Scope,
) -> Result<Caller<'k>, OAuthFailure> {
    let (id, secret) = (form.one("client_id")?, form.one("client_secret")?);
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let (caller, name) = match (headers.next(), headers.next()) {
        (None, _) => {
            let id = id.unwrap_or_default();
            (keys.client(&id, &secret.unwrap_or_default()), id)
        }
        (Some(_), None) if secret.is_some() => {
            let description = "send the credentials by HTTP Basic or in the form, not both";
            return Err(OAuthFailure::invalid_request(description));
        }
        (Some(header), None) => {
            let Basic { name, key } = header.to_str().ok().and_then(Basic::of).unwrap_or_default();
            let caller = basic(keys, &name, &key);
            (caller.filter(|caller| id.is_none_or(|id| id == caller.name())), name.into())
        }
        (Some(_), Some(_)) => {
            return Err(OAuthFailure::invalid_request("send one Authorization header"));
        }
    };
    let Some(caller) = caller else {
        throttle.wrong_key(&name, Instant::now())?;
        return Err(OAuthFailure::invalid_client());
    };
    caller.with(scope).ok_or_else(|| OAuthFailure::missing_scope(scope))
}

/// What a Basic header says. The default is what one says that says nothing.
#[derive(Default)]
struct Basic {
    name: String,
    key: String,
}

impl Basic {
    fn of(header: &str) -> Option<Self> {
        let (scheme, credentials) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let credentials = STANDARD.decode(credentials.trim()).ok()?;
        let (name, key) = str::from_utf8(&credentials).ok()?.split_once(':')?;
        Some(Self { name: name.to_owned(), key: key.to_owned() })
    }
}

/// The norm has both parts encoded like a form within the Basic scheme. About half of the clients do
/// that and the others send them as they are; a key that is right in either spelling is right.
fn basic<'k>(keys: &'k ApiKeys, name: &str, key: &str) -> Option<Caller<'k>> {
    let encoded = form_decoded(name).zip(form_decoded(key));
    let caller = encoded.and_then(|(name, key)| keys.client(&name, &key));
    caller.or_else(|| keys.client(name, key))
}

/// One part, decoded: what the name of a single parameter without a value would be.
fn form_decoded(part: &str) -> Option<Cow<'_, str>> {
    if part.contains(['&', '=']) {
        return None;
    }
    form_urlencoded::parse(part.as_bytes()).next().map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::settings::Settings;

    const PLAIN: &str = "sixteen-bytes-and-more";
    const ODD: &str = "100% of a+b/c==&d:e f";

    fn keys() -> ApiKeys {
        let toml = format!(
            "[[api_key]]\nname = \"plain\"\nkey = {PLAIN:?}\nscopes = [\"check\"]\n\
             [[api_key]]\nname = \"odd\"\nkey = {ODD:?}\nscopes = [\"check\", \"revoke\"]\n"
        );
        ApiKeys::new(Settings::from_toml(&toml).unwrap().settings.api_keys)
    }

    fn encoded(text: &str) -> String {
        form_urlencoded::byte_serialize(text.as_bytes()).collect()
    }

    /// Who is let in by these headers and this form, or the error.
    fn check(headers: &[&str], form: &str, expected: Result<&str, &str>) {
        let request = headers.iter().fold(TestRequest::post(), |request, header| {
            request.append_header((AUTHORIZATION, *header))
        });
        // The query has the same form as the body.
        let request = request.uri(&format!("/?{form}")).to_http_request();
        let (keys, form) = (keys(), Form::of_query(&request));
        let found = admit(&keys, &Throttle::new(&keys), &request, &form, Scope::Check);
        let found = found.as_ref().map(Caller::name).map_err(OAuthFailure::label);
        assert_eq!(found, expected, "{headers:?} {form:?}");
    }

    #[test]
    fn rev_2_by_basic_in_both_spellings() {
        let of =
            |id: &str, secret: &str| format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
        check(&[&of("plain", PLAIN)], "", Ok("plain"));
        check(&[&of("plain", PLAIN).replace("Basic", "bASIC")], "", Ok("plain"));
        check(&[&of("odd", ODD)], "", Ok("odd"));
        check(&[&of("odd", &encoded(ODD))], "", Ok("odd"));
        check(&[&of("plain", PLAIN)], "client_id=plain", Ok("plain"));
        for wrong in [
            of("plain", ODD),
            of("odd", PLAIN),
            of("plain", ""),
            of("", PLAIN),
            of(PLAIN, "plain"),
            format!("Bearer {PLAIN}"),
            "Basic".to_owned(),
            "Basic ?".to_owned(),
            format!("Basic {}", STANDARD.encode("plain")),
            format!("Basic {}", STANDARD.encode(b"plain:\xff")),
        ] {
            check(&[&wrong], "", Err("invalid_client"));
        }
        check(&[&of("plain", PLAIN)], "client_id=odd", Err("invalid_client"));
    }

    #[test]
    fn rev_2_in_the_form() {
        check(&[], &format!("client_id=odd&client_secret={}", encoded(ODD)), Ok("odd"));
        for wrong in [
            String::new(),
            "client_id=plain".to_owned(),
            format!("client_secret={PLAIN}"),
            format!("client_id=odd&client_secret={PLAIN}"),
            "client_id=plain&client_secret=".to_owned(),
        ] {
            check(&[], &wrong, Err("invalid_client"));
        }
    }

    #[test]
    fn rev_2_in_one_way_only() {
        let basic = format!("Basic {}", STANDARD.encode(format!("plain:{PLAIN}")));
        let form = format!("client_id=plain&client_secret={PLAIN}");
        check(&[&basic], &form, Err("invalid_request"));
        check(&[&basic, &basic], "", Err("invalid_request"));
        check(&[], &format!("{form}&client_id=plain"), Err("invalid_request"));
        check(&[], &format!("{form}&client_secret={PLAIN}"), Err("invalid_request"));
    }

    #[test]
    fn rev_2_the_scope_is_asked_for_last() {
        let keys = keys();
        for (id, secret, expected) in [
            ("plain", PLAIN, Err("unauthorized_client")),
            ("plain", ODD, Err("invalid_client")),
            ("odd", ODD, Ok(())),
        ] {
            let form = format!("/?client_id={id}&client_secret={}", encoded(secret));
            let request = TestRequest::post().uri(&form).to_http_request();
            let (throttle, form) = (Throttle::new(&keys), Form::of_query(&request));
            let admitted = admit(&keys, &throttle, &request, &form, Scope::Revoke);
            assert_eq!(admitted.map(|_| ()).map_err(|error| error.label()), expected, "{id}");
        }
    }

    #[test]
    fn intro_6_a_guesser_is_slowed_down_and_the_right_key_is_let_in() {
        let keys = keys();
        let throttle = Throttle::new(&keys);
        let ask = |name: &str, key: &str| {
            let credentials = STANDARD.encode(format!("{name}:{key}"));
            let header = (AUTHORIZATION, format!("Basic {credentials}"));
            let request = TestRequest::post().insert_header(header).to_http_request();
            let admitted =
                admit(&keys, &throttle, &request, &Form::of_query(&request), Scope::Check);
            admitted.map(|_| ()).map_err(|error| error.label())
        };
        for (name, key) in [("plain", ODD), ("nobody", PLAIN)] {
            let answers: Vec<_> = (0..100).map(|_| ask(name, key).unwrap_err()).collect();
            let slowed = answers.iter().position(|error| *error == "slow_down").unwrap();
            assert!(answers[..slowed].iter().all(|error| *error == "invalid_client"));
            // A second may go by meanwhile, on a busy machine.
            assert!((30..50).contains(&slowed), "{slowed}");
        }
        assert_eq!(ask("plain", PLAIN), Ok(()));
        assert_eq!(ask("odd", PLAIN), Err("invalid_client"));
    }
}
