//! `signout check-config`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;

use super::{ConfigArgs, print};

#[derive(Debug, Args)]
pub(super) struct CheckConfigArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// For machines
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CheckConfigArgs) -> anyhow::Result<ExitCode> {
    let loaded = args.config.load()?;
    if args.json {
        return print(&format!("{}\n", serde_json::to_string_pretty(&loaded.effective)?));
    }
    let mut text = loaded.effective.to_string();
    for warning in &loaded.warnings {
        write!(text, "\nwarning: {warning}")?;
    }
    if !loaded.warnings.is_empty() {
        text.push('\n');
    }
    print(&text)
}
