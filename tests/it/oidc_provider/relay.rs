//! A wire between the provider and the service that remembers the logout tokens it carried.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What the provider sent, one item for each connection.
type Sent = Arc<Mutex<Vec<Vec<u8>>>>;

/// The provider must know the service's address before it listens and the other way round; the
/// relay has an address before either.
pub(super) struct Relay {
    listener: TcpListener,
    sent: Sent,
}

/// The logout tokens that a relay carried.
pub(super) struct Carried(Sent);

impl Relay {
    pub(super) async fn bind() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap(), sent: Sent::default() }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Carries bytes, unchanged, until the test's runtime ends.
    pub(super) fn to(self, service: SocketAddr) -> Carried {
        let Self { listener, sent } = self;
        let carried = Carried(Arc::clone(&sent));
        tokio::spawn(async move {
            while let Ok((provider, _)) = listener.accept().await {
                let service = TcpStream::connect(service).await.unwrap();
                let (requests, mut answers) = provider.into_split();
                let (mut answered, forward) = service.into_split();
                tokio::spawn(remember(requests, forward, Arc::clone(&sent)));
                tokio::spawn(async move { copy(&mut answered, &mut answers).await });
            }
        });
        carried
    }
}

async fn remember(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, sent: Sent) {
    let connection = {
        let mut sent = sent.lock().unwrap();
        sent.push(Vec::new());
        sent.len() - 1
    };
    let mut part = [0; 4_096];
    while let Ok(read @ 1..) = from.read(&mut part).await {
        sent.lock().unwrap()[connection].extend_from_slice(&part[..read]);
        if to.write_all(&part[..read]).await.is_err() {
            return;
        }
    }
}

impl Carried {
    pub(super) fn logout_tokens(&self) -> Vec<String> {
        let sent = self.0.lock().unwrap();
        sent.iter().flat_map(|bytes| logout_tokens(&String::from_utf8_lossy(bytes))).collect()
    }
}

/// A connection carries one request after the other. A slash is in no token, so that the next
/// request does not run into it.
fn logout_tokens(requests: &str) -> Vec<String> {
    let requests = requests.split("POST /");
    requests
        .filter_map(|request| request.split_once("\r\n\r\nlogout_token="))
        .map(|(_, token)| token.to_owned())
        .collect()
}
