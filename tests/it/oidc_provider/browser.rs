//! What a person does at the provider: signs in, agrees, signs out.

use std::collections::BTreeMap;

use reqwest::header::{LOCATION, SET_COOKIE};
use reqwest::{Method, Url};
use serde_json::Value;

use super::{CLIENT_SECRET, REDIRECT_URI, Tokens};
use crate::harness::{Answer, client};

/// Signing in takes eight.
const MOST_STEPS: usize = 20;

/// One browser, that is, one session at the provider.
pub(super) struct Browser<'op> {
    /// The provider's discovery document.
    op: &'op Value,
    client: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

/// What an application asks for.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) client: &'a str,
    pub(super) scope: &'a str,
    /// The API that the access token is for.
    pub(super) resource: &'a str,
}

struct Page {
    url: Url,
    html: String,
}

impl<'op> Browser<'op> {
    pub(super) fn new(op: &'op Value) -> Self {
        Self { op, client: client(), cookies: BTreeMap::new() }
    }

    /// The code flow: whatever forms come are filled in, until the application has its tokens.
    pub(super) async fn sign_in(&mut self, user: &str, wish: Wish<'_>) -> Tokens {
        let Wish { client, scope, resource } = wish;
        let mut url = self.endpoint("authorization_endpoint");
        url.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", client),
            ("redirect_uri", REDIRECT_URI),
            ("scope", scope),
            ("resource", resource),
            ("prompt", "consent"),
        ]);
        let mut page = self.open(url).await;
        for _ in 0..MOST_STEPS {
            if page.url.as_str().starts_with(REDIRECT_URI) {
                return self.redeem(client, &page).await;
            }
            page = self.submit(&page, &[("login", user), ("password", "any")]).await;
        }
        panic!("signing in at {client} comes to no end: {}", page.html)
    }

    /// Ends the session at the provider, which tells the clients before it answers.
    pub(super) async fn sign_out(&mut self) {
        let page = self.open(self.endpoint("end_session_endpoint")).await;
        let page = self.submit(&page, &[("logout", "yes")]).await;
        assert!(page.url.path().ends_with("/success"), "{} {}", page.url, page.html);
    }

    /// What the token endpoint says to a refresh token.
    pub(super) async fn refresh(&self, client: &str, refresh_token: &str) -> Answer {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        self.token_endpoint(client, &form).await
    }

    async fn redeem(&self, client: &str, page: &Page) -> Tokens {
        let code = page.url.query_pairs().find_map(|(name, code)| (name == "code").then_some(code));
        let code = code.unwrap_or_else(|| panic!("no code: {}", page.url));
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", REDIRECT_URI),
        ];
        let answer = self.token_endpoint(client, &form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Tokens::of(client, &answer.json())
    }

    async fn token_endpoint(&self, client: &str, form: &[(&str, &str)]) -> Answer {
        let request = self.client.post(self.endpoint("token_endpoint"));
        let request = request.basic_auth(client, Some(CLIENT_SECRET));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Answer::of(request.body(encoded(form))).await
    }

    fn endpoint(&self, name: &str) -> Url {
        self.op[name].as_str().unwrap().parse().unwrap()
    }

    async fn open(&mut self, url: Url) -> Page {
        self.go(url, None).await
    }

    /// Sends the page's form: its hidden fields as they are, and of these what it asks for.
    async fn submit(&mut self, page: &Page, filled_in: &[(&str, &str)]) -> Page {
        let form = page.html.split_once("<form").map(|(_, form)| form);
        let form = form.unwrap_or_else(|| panic!("no form: {} {}", page.url, page.html));
        let action = page.url.join(attribute(form, "action").unwrap()).unwrap();
        let hidden = form.split("<input").filter_map(|input| {
            let input = input.split_once('>')?.0;
            let is_hidden = attribute(input, "type")? == "hidden";
            is_hidden.then_some((attribute(input, "name")?, attribute(input, "value")?))
        });
        let asked = |(name, _): &(&str, &str)| form.contains(&format!("name=\"{name}\""));
        let fields: Vec<_> = hidden.chain(filled_in.iter().copied().filter(asked)).collect();
        self.go(action, Some(encoded(&fields))).await
    }

    /// Follows redirects until there is a page, or the application is reached.
    async fn go(&mut self, mut url: Url, mut form: Option<String>) -> Page {
        for _ in 0..MOST_STEPS {
            if url.as_str().starts_with(REDIRECT_URI) {
                return Page { url, html: String::new() };
            }
            let answer = self.ask(&url, form.take()).await;
            let Some(location) = answer.headers.get(LOCATION) else {
                assert_eq!(answer.status, 200, "{url} {answer:?}");
                return Page { url, html: answer.body };
            };
            url = url.join(location.to_str().unwrap()).unwrap();
        }
        panic!("too many redirects: {url}")
    }

    async fn ask(&mut self, url: &Url, form: Option<String>) -> Answer {
        let method = if form.is_some() { Method::POST } else { Method::GET };
        let cookies: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request =
            self.client.request(method, url.clone()).header("cookie", cookies.join("; "));
        if let Some(form) = form {
            request =
                request.header("content-type", "application/x-www-form-urlencoded").body(form);
        }
        let answer = Answer::of(request).await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            self.keep(cookie.to_str().unwrap());
        }
        answer
    }

    /// One provider and one page at a time: paths and lifetimes of cookies make no difference.
    fn keep(&mut self, cookie: &str) {
        let pair = cookie.split(';').next().unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        if value.is_empty() {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The first value of an attribute. This provider's pages have no entities in those we read.
fn attribute<'h>(html: &'h str, name: &str) -> Option<&'h str> {
    let (_, rest) = html.split_once(&format!(" {name}=\""))?;
    Some(rest.split_once('"')?.0)
}
