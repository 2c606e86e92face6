//! `signout demo`: the whole story on one machine, with nothing faked but the people.
//!
//! A provider and an api run within this process, each behind its own socket. The service is the
//! one that `signout serve` starts, on a journal in a temporary folder. Every step goes over HTTP
//! and every token is really signed.

mod op;
mod report;
mod world;

use std::io::{self, Write};
use std::sync::Arc;

use signout_checker::IdError;
use thiserror::Error;

use crate::application::{Application, ApplicationError};
use crate::clock::Clock;
use crate::http::{DemoServer, ServeError};
use crate::jose::SigningKeyError;
use crate::provider::{CredentialsError, EndpointError, FetchError, HttpClientError};
use crate::settings::SettingsError;
pub use op::{DemoApi, DemoOp, Opened};
use report::Report;
pub use world::World;

/// Whether the demo stays up when the story is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// Ends at once.
    Leave,
    /// Goes on serving until it is interrupted.
    Up,
}

/// Why the demo failed.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The service did not start.
    #[error(transparent)]
    Application(#[from] ApplicationError),
    /// No temporary folder, or no terminal.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The demo's own requests failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A demo address is wrong: a mistake of ours.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The demo's client could not be made.
    #[error(transparent)]
    Client(#[from] HttpClientError),
    /// The demo's api key is no header value: a mistake of ours.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The demo's configuration is wrong: a mistake of ours.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No signing key could be made.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The provider or the api of the demo cannot listen.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// An identifier of the demo is wrong: a mistake of ours.
    #[error(transparent)]
    Identifier(#[from] IdError),
    /// The story did not go as it should.
    #[error("the demo expected {expected} and saw {seen}")]
    Unexpected {
        /// What should have happened.
        expected: &'static str,
        /// What did.
        seen: String,
    },
}

/// Tells the story on `out`, then stays up or leaves.
pub async fn run(
    clock: Arc<dyn Clock>,
    stay: Stay,
    interrupted: impl Future<Output = ()>,
    out: &mut (dyn Write + Send),
) -> Result<(), DemoError> {
    let folder = world::Folder::create()?;
    let listener = DemoServer::bind()?;
    let issuer = format!("http://{}/op", listener.address()?);
    let op = Arc::new(DemoOp::new(&issuer, Arc::clone(&clock))?);
    let settings = world::settings(&issuer, folder.path())?;
    let application = Application::prepare(&settings, Arc::clone(&clock)).await?;
    let api = DemoApi::new(&op, Arc::clone(application.revoker().index()))?;
    let world = Arc::new(World::new(
        listener.address()?,
        application.address(),
        application.operators_address(),
        Arc::clone(&op),
    )?);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let until_stopped = || {
        let mut stopped = stopped.clone();
        async move {
            // A closed channel means the same.
            let _ = stopped.wait_for(|stop| *stop).await;
        }
    };
    let service = application.run(until_stopped());
    let demo = listener.run(op, api, Arc::clone(&world), until_stopped());
    let story = async {
        let told = tell(&world, out, stay).await;
        if told.is_ok() && stay == Stay::Up {
            interrupted.await;
        }
        stop.send_replace(true);
        told
    };
    let (service, demo, told) = tokio::join!(service, demo, story);
    told?;
    service?;
    demo?;
    Ok(())
}

async fn tell(world: &World, out: &mut (dyn Write + Send), stay: Stay) -> Result<(), DemoError> {
    let mut report = Report::new(out);
    report.places(world)?;
    let logins = world.sign_everybody_in().await?;
    report.signed_in(&logins, &world.open_with_all(&logins).await?)?;

    let ended = world.sign_out(&logins).await?;
    report.signed_out(&ended)?;
    report.tokens(&logins, &world.open_with_all(&logins).await?)?;

    report.repeated(world.send_again(&ended).await?)?;
    report.forged(world.send_forged(&logins).await?)?;
    report.back_again(world.sign_in_again(&logins).await?)?;
    if stay == Stay::Up {
        report.invitation(world, &logins)?;
    }
    Ok(())
}
