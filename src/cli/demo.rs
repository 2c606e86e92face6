//! `signout demo`.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use signout::clock::SystemClock;
use signout::demo::{self, DemoError, Stay};
use signout::telemetry;

use super::install_cryptography;

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// End when the story is told
    #[arg(long)]
    once: bool,
}

pub(super) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    // The story is on standard output; only what goes wrong is worth a line beside it.
    telemetry::init(Some("error"))?;
    install_cryptography();
    let stay = if args.once { Stay::Leave } else { Stay::Up };
    let interrupted = async {
        // Without signals there is no way to interrupt, so the demo ends.
        let _ = tokio::signal::ctrl_c().await;
    };
    let clock = Arc::new(SystemClock::start());
    let mut out = io::stdout();
    match signout::http::block_on(demo::run(clock, stay, interrupted, &mut out)) {
        // Whoever read the story has heard enough.
        Err(DemoError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
        told => told?,
    }
    Ok(ExitCode::SUCCESS)
}
