//! Talking to a running service.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;
use signout::provider::{Credentials, Endpoint, HttpClient, PlainHttp};

use super::{client_runtime, install_cryptography};

/// No answer to one question is longer.
const LIMIT: usize = 64 * 1024;

#[derive(Debug, Args)]
pub(super) struct ServiceArgs {
    /// The service
    #[arg(long, env = "SIGNOUT_URL", value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// File with an api key that has the scope
    #[arg(long, env = "SIGNOUT_API_KEY_FILE", value_name = "FILE")]
    api_key_file: PathBuf,
    /// PEM file of a private authority, if the service has a certificate of one
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl ServiceArgs {
    /// Posts JSON and gives the JSON answer, or the service's own words if it refuses.
    pub(super) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.url.trim_end_matches('/'));
        let endpoint = Endpoint::parse(&url, PlainHttp::AllowLoopback)?;
        let file = &self.api_key_file;
        let key = std::fs::read_to_string(file)
            .with_context(|| format!("--api-key-file {}", file.display()))?;
        let bearer = Credentials::bearer(key.trim_end_matches(['\r', '\n']))?;
        install_cryptography();
        let client = HttpClient::new(self.ca_file.as_deref())?;
        let body = body.to_string();
        let asked = client.post_json(&endpoint, Some(&bearer), body.as_bytes(), LIMIT);
        let answer = client_runtime()?.block_on(asked)?;
        let json: Value = serde_json::from_slice(answer.body())
            .with_context(|| format!("{url} answered {} and no JSON", answer.status()))?;
        if !(200..300).contains(&answer.status()) {
            let detail = json.get("detail").and_then(Value::as_str).unwrap_or("(no detail)");
            bail!("{url} answered {}: {detail}", answer.status());
        }
        Ok(json)
    }
}

/// Names one token or what it belongs to.
#[derive(Debug, Args)]
pub(super) struct NameArgs {
    /// The provider's issuer, as configured
    #[arg(long)]
    pub(super) iss: Option<String>,
    /// A token's jti
    #[arg(long)]
    pub(super) jti: Option<String>,
    /// A session's sid
    #[arg(long)]
    pub(super) sid: Option<String>,
    /// A user's sub
    #[arg(long)]
    pub(super) sub: Option<String>,
    /// A client
    #[arg(long)]
    pub(super) client_id: Option<String>,
}

impl NameArgs {
    /// The members that are set.
    pub(super) fn to_json(&self) -> Value {
        let all = [
            ("iss", &self.iss),
            ("jti", &self.jti),
            ("sid", &self.sid),
            ("sub", &self.sub),
            ("client_id", &self.client_id),
        ];
        all.into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), Value::from(value.clone()?))))
            .collect()
    }
}
