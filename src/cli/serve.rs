//! `signout serve`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use signout::application::Application;
use signout::clock::{Clock, SystemClock};
use signout::notify::Manager;
use signout::settings::Settings;
use signout::telemetry;
use tokio::signal::unix::{SignalKind, signal};

use super::{ConfigArgs, install_cryptography};

/// setrlimit(2), `RLIMIT_FSIZE`; the same number on every Linux.
const SIGXFSZ: i32 = 25;

pub(super) fn run(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    telemetry::init(std::env::var("SIGNOUT_LOG").ok().as_deref())?;
    let loaded = args.load().context("the configuration cannot be used:")?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    install_cryptography();
    let manager = Manager::of_environment(|name| std::env::var_os(name))?;
    signout::http::block_on(serve(&loaded.settings, manager.as_ref()))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(settings: &Settings, manager: Option<&Manager>) -> anyhow::Result<()> {
    // Without a handler a file size limit would end the process; with one it is a full disk.
    let _file_size_limit = signal(SignalKind::from_raw(SIGXFSZ))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let application = Application::prepare(settings, clock).await?;
    tracing::info!(
        listen = %application.address(),
        metrics_listen = %application.operators_address(),
        entries = application.replayed().read,
        damaged = application.replayed().damaged,
        providers = settings.providers.len(),
        "ready"
    );
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = tokio::signal::ctrl_c() => tracing::info!("interrupted: stopping"),
        }
        if let Some(manager) = manager {
            manager.stopping();
        }
    };
    let reassure = async {
        match manager {
            Some(manager) => {
                manager.ready();
                manager.reassure().await
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        served = application.run(shutdown) => served?,
        never = reassure => match never {},
    }
    tracing::info!("stopped");
    Ok(())
}
