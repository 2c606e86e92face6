//! Telling a provider that one of its tokens is over (RFC 7009).

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::http_client::DOCUMENT_LIMIT;
use super::{ClientSecret, Credentials, Endpoint, EndpointError, FetchError, Provider};

/// The provider's revocation endpoint, as one of its clients asks it.
#[derive(Debug)]
pub struct RevocationClient {
    provider: Arc<Provider>,
    /// Where the provider's metadata does not count.
    endpoint: Option<Endpoint>,
    client_id: Box<str>,
    authentication: ClientAuthentication,
}

/// How the client says who it is (RFC 6749, section 2.3).
#[derive(Clone, Debug)]
pub enum ClientAuthentication {
    /// In the `Authorization` header.
    Header(Credentials),
    /// In the form.
    Form(ClientSecret),
    /// By its name alone: a public client.
    None,
}

/// Proof that the provider took it (RFC 7009, section 2.2): the token is over there, or never was.
#[derive(Debug)]
pub struct Receipt(());

/// Why the provider did not take it. No text holds the token, nor what the provider's body says.
#[derive(Debug, Error)]
pub enum RevocationError {
    /// The address that the metadata names is not asked.
    #[error("revocation_endpoint: {0}")]
    Endpoint(#[from] EndpointError),
    /// No answer.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The metadata names no endpoint.
    #[error(
        "the provider's metadata has no revocation_endpoint: set `endpoint` in [provider.revocation], \
         or remove that section"
    )]
    NoEndpoint,
    /// The provider was not reached yet since the start.
    #[error("the provider's metadata is not known yet")]
    NoMetadata,
    /// The provider will not, whoever asks how often.
    #[error(
        "the provider answered {status}: look whether [provider.revocation] names the client that \
         the token was issued to, and its secret, and whether the provider revokes such tokens"
    )]
    Refused {
        /// 100 to 499.
        status: u16,
    },
    /// The provider cannot now (RFC 7009, section 2.2.1).
    #[error("the provider answered {status}: look into its log")]
    Unavailable {
        /// 408, 429 or 500 and up.
        status: u16,
        /// What it says about when.
        retry_after: Option<Duration>,
    },
}

/// Whether to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It would be answered alike.
    Never,
    /// After this time, or a longer one.
    After(Duration),
}

impl RevocationClient {
    /// Asks nothing yet. Without `endpoint` it is the one that the provider's metadata names.
    pub fn new(
        provider: Arc<Provider>,
        endpoint: Option<Endpoint>,
        client_id: &str,
        authentication: ClientAuthentication,
    ) -> Self {
        Self { provider, endpoint, client_id: client_id.into(), authentication }
    }

    /// Whose tokens may end here, by the provider's own rule.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The provider's name, for logs and metrics.
    pub fn provider_name(&self) -> &str {
        self.provider.name()
    }

    /// Asks once. There is no `token_type_hint`: every server must look further than that says
    /// (RFC 7009, section 2.1), and what clients say here is not verified.
    pub async fn revoke(&self, token: &str) -> Result<Receipt, RevocationError> {
        let endpoint = self.endpoint()?;
        let mut form = vec![("token", token.as_bytes())];
        let credentials = match &self.authentication {
            ClientAuthentication::Header(credentials) => Some(credentials),
            ClientAuthentication::Form(secret) => {
                form.push(("client_id", self.client_id.as_bytes()));
                form.push(("client_secret", secret.bytes()));
                None
            }
            ClientAuthentication::None => {
                form.push(("client_id", self.client_id.as_bytes()));
                None
            }
        };
        let client = self.provider.client();
        // What the body says means nothing (section 2.2); it is read so that the connection stays.
        let answer = client.post_form(&endpoint, credentials, &form, DOCUMENT_LIMIT).await?;
        match answer.status() {
            200..=299 => Ok(Receipt(())),
            status @ (408 | 429 | 500..) => {
                let seconds = answer.header("retry-after").and_then(|value| value.parse().ok());
                let retry_after = seconds.map(Duration::from_secs);
                Err(RevocationError::Unavailable { status, retry_after })
            }
            status => Err(RevocationError::Refused { status }),
        }
    }

    fn endpoint(&self) -> Result<Endpoint, RevocationError> {
        if let Some(endpoint) = &self.endpoint {
            return Ok(endpoint.clone());
        }
        let metadata = self.provider.metadata().ok_or(RevocationError::NoMetadata)?;
        let endpoint = metadata.revocation_endpoint().ok_or(RevocationError::NoEndpoint)?;
        Ok(Endpoint::parse(endpoint, self.provider.plain_http())?)
    }
}

impl RevocationError {
    /// Whether asking again may help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unavailable { retry_after, .. } => Retry::After(retry_after.unwrap_or_default()),
            Self::Fetch(FetchError::Redirected { .. } | FetchError::TooLarge { .. })
            | Self::Endpoint(_)
            | Self::NoEndpoint
            | Self::Refused { .. } => Retry::Never,
            Self::NoMetadata | Self::Fetch(_) => Retry::After(Duration::ZERO),
        }
    }
}
