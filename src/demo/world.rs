//! The people of the story and what they do, over HTTP.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{DemoError, DemoOp};
use crate::provider::{Credentials, Endpoint, HttpClient, PlainHttp};
use crate::settings::Settings;

/// Every answer of the demo is far smaller.
const LIMIT: usize = 64 * 1024;
const API_KEY: &str = "demo-key-for-this-machine-only";
/// If the token still opens the api after this time, the demo says so instead of waiting.
const GIVE_UP: Duration = Duration::from_secs(5);
/// Who signs in where. The story signs the first one out.
const LOGINS: [(&str, &str); 4] =
    [("alice", "laptop"), ("alice", "phone"), ("bob", "laptop"), ("bob", "phone")];
const TOKENS_EACH: usize = 2;

/// One session and the tokens that were handed out in it.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) user: &'static str,
    pub(super) device: &'static str,
    pub(super) session: String,
    pub(super) tokens: Vec<String>,
}

/// What a logout did, as seen from outside.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) logout_token: String,
    pub(super) status: u16,
    /// From sending the logout token to its answer.
    pub(super) answered: Duration,
    /// From sending the logout token to the first 401 of the api.
    pub(super) refused: Duration,
}

/// The sockets of the story, and a client to reach them.
pub struct World {
    client: HttpClient,
    op: Arc<DemoOp>,
    pub(super) demo: SocketAddr,
    pub(super) service: SocketAddr,
    pub(super) operators: SocketAddr,
    credentials: Credentials,
    backchannel: Endpoint,
    tokens: Endpoint,
    orders: Endpoint,
}

impl World {
    pub(super) fn new(
        demo: SocketAddr,
        service: SocketAddr,
        operators: SocketAddr,
        op: Arc<DemoOp>,
    ) -> Result<Self, DemoError> {
        let at = |address, path| {
            Endpoint::parse(&format!("http://{address}{path}"), PlainHttp::AllowLoopback)
        };
        Ok(Self {
            client: HttpClient::new(None)?,
            op,
            demo,
            service,
            operators,
            credentials: Credentials::bearer(API_KEY)?,
            backchannel: at(service, "/backchannel-logout/demo")?,
            tokens: at(service, "/v1/tokens")?,
            orders: at(demo, "/orders")?,
        })
    }

    /// Everybody signs in, and whoever receives the tokens registers them.
    pub(super) async fn sign_everybody_in(&self) -> Result<Vec<Login>, DemoError> {
        let mut logins = Vec::new();
        for (user, device) in LOGINS {
            logins.push(self.sign_in(user, device, &format!("{user}-{device}")).await?);
        }
        Ok(logins)
    }

    async fn sign_in(
        &self,
        user: &'static str,
        device: &'static str,
        session: &str,
    ) -> Result<Login, DemoError> {
        let tokens = (0..TOKENS_EACH)
            .map(|_| self.op.access_token(user, session))
            .collect::<Result<Vec<_>, _>>()?;
        let items: Value = tokens.iter().map(|token| json!({ "token": token })).collect();
        let body = items.to_string();
        let answer = self
            .client
            .post_json(&self.tokens, Some(&self.credentials), body.as_bytes(), LIMIT)
            .await?;
        let text = String::from_utf8_lossy(answer.body());
        if answer.status() != 200 || text.matches("\"registered\"").count() != TOKENS_EACH {
            return Err(DemoError::Unexpected {
                expected: "tokens to be registered",
                seen: text.into(),
            });
        }
        Ok(Login { user, device, session: session.to_owned(), tokens })
    }

    /// Presents every token to the api: the status codes, login by login.
    pub(super) async fn open_with_all(&self, logins: &[Login]) -> Result<Vec<Vec<u16>>, DemoError> {
        let mut statuses = Vec::new();
        for login in logins {
            let mut of_login = Vec::new();
            for token in &login.tokens {
                of_login.push(self.open(token).await?);
            }
            statuses.push(of_login);
        }
        Ok(statuses)
    }

    async fn open(&self, token: &str) -> Result<u16, DemoError> {
        let token = Credentials::bearer(token)?;
        Ok(self.client.get(&self.orders, Some(&token), LIMIT).await?.status())
    }

    /// The provider ends the first session, while its token is being used.
    pub(super) async fn sign_out(&self, logins: &[Login]) -> Result<Ended, DemoError> {
        let first = first(logins)?;
        let token = first.tokens.first().map(String::as_str).unwrap_or_default();
        let logout_token = self.op.logout_token(&first.session)?;
        let sent = Instant::now();
        let (answer, refused) = tokio::join!(
            async {
                let answer = self.send(&logout_token).await;
                answer.map(|status| (status, sent.elapsed()))
            },
            self.refused_after(token, sent),
        );
        let ((status, answered), refused) = (answer?, refused?);
        Ok(Ended { logout_token, status, answered, refused })
    }

    async fn refused_after(&self, token: &str, sent: Instant) -> Result<Duration, DemoError> {
        while sent.elapsed() < GIVE_UP {
            if self.open(token).await? == 401 {
                return Ok(sent.elapsed());
            }
        }
        Err(DemoError::Unexpected { expected: "the token to be refused", seen: "200".to_owned() })
    }

    async fn send(&self, logout_token: &str) -> Result<u16, DemoError> {
        let form = [("logout_token", logout_token.as_bytes())];
        Ok(self.client.post_form(&self.backchannel, None, &form, LIMIT).await?.status())
    }

    /// The provider ends a session, and tells what the service said.
    pub async fn sign_out_session(&self, session: &str) -> Result<String, DemoError> {
        let status = self.send(&self.op.logout_token(session)?).await?;
        Ok(format!("POST /backchannel-logout/demo -> {status}\n"))
    }

    pub(super) async fn send_again(&self, ended: &Ended) -> Result<u16, DemoError> {
        self.send(&ended.logout_token).await
    }

    /// Somebody without the provider's key tries to sign bob out.
    pub(super) async fn send_forged(&self, logins: &[Login]) -> Result<u16, DemoError> {
        let bob = logins.last().map(|login| login.session.as_str()).unwrap_or_default();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let (header, claims) = (part(&json!({ "alg": "none" })), part(&self.op.logout_claims(bob)));
        self.send(&format!("{header}.{claims}.")).await
    }

    /// The same user signs in again and uses the new token.
    pub(super) async fn sign_in_again(&self, logins: &[Login]) -> Result<u16, DemoError> {
        let first = first(logins)?;
        let again = self.sign_in(first.user, first.device, "alice-laptop-again").await?;
        self.open(again.tokens.first().map(String::as_str).unwrap_or_default()).await
    }
}

fn first(logins: &[Login]) -> Result<&Login, DemoError> {
    logins.first().ok_or(DemoError::Unexpected { expected: "a login", seen: "none".to_owned() })
}

/// The configuration of the service, as anybody could write it.
pub(super) fn settings(issuer: &str, folder: &Path) -> Result<Settings, DemoError> {
    let journal = folder.join("signout.redb");
    let journal = journal.to_string_lossy();
    let text = format!(
        "[server]\n\
         listen = \"127.0.0.1:0\"\n\
         metrics_listen = \"127.0.0.1:0\"\n\
         [journal]\n\
         path = {journal:?}\n\
         [[provider]]\n\
         name = \"demo\"\n\
         issuer = {issuer:?}\n\
         client_ids = [\"demo\"]\n\
         allow_insecure_http = true\n\
         [[api_key]]\n\
         name = \"demo\"\n\
         key = {API_KEY:?}\n\
         scopes = [\"register\", \"check\", \"revoke\"]\n"
    );
    Ok(Settings::from_toml(&text)?.settings)
}

/// A folder of this process's own, removed at the end.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn create() -> io::Result<Self> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
        let name = format!("signout-demo-{:016x}", u64::from_le_bytes(random));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left of it lies in the system's temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
