//! `signout serve`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use signout::application::Application;
use signout::clock::{Clock, SystemClock};
use signout::telemetry;
use tokio::signal::unix::{SignalKind, signal};

use super::{ConfigArgs, install_cryptography};

pub(super) fn run(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    telemetry::init(std::env::var("SIGNOUT_LOG").ok().as_deref())?;
    let loaded = args.load().context("the configuration cannot be used:")?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    install_cryptography();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let application = Application::prepare(&loaded.settings, clock)?;
    tracing::info!(
        listen = %application.address(),
        metrics_listen = %application.operators_address(),
        entries = application.replayed().read,
        damaged = application.replayed().damaged,
        providers = loaded.settings.providers.len(),
        "ready"
    );
    signout::http::block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let shutdown = async move {
            tokio::select! {
                _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
                _ = tokio::signal::ctrl_c() => tracing::info!("interrupted: stopping"),
            }
        };
        application.run(shutdown).await?;
        tracing::info!("stopped");
        anyhow::Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
