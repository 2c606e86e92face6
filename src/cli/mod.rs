//! What can be asked of the binary. Each command is a file; this one says what there is.

mod admin;
mod check_config;
mod demo;
mod healthcheck;
mod lookup;
mod revoke;
mod serve;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use signout::settings::{Disk, Environment, Loaded, Settings, SettingsError};

/// Ends access tokens when a login ends.
///
/// signout takes OpenID Connect logout tokens, finds every token issued in that session and has all
/// APIs refuse them.
#[derive(Debug, Parser)]
#[command(name = "signout", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    ///
    /// Logs go to standard error, as JSON unless it is a terminal. `SIGNOUT_LOG` filters them, for
    /// instance `SIGNOUT_LOG=info,signout::access=warn`. SIGTERM or Ctrl-C stops it in order.
    #[command(after_help = "Example:\n  signout serve --config /etc/signout/signout.toml")]
    Serve(ConfigArgs),
    /// Show in seconds what signout does, with a built-in provider and api
    #[command(
        after_help = "Examples:\n  signout demo          # stays up, prints URLs to play with\n  signout demo --once   # tells the story and ends"
    )]
    Demo(demo::DemoArgs),
    /// Print the effective configuration with the source of each value, or what is wrong with it
    #[command(
        after_help = "Examples:\n  signout check-config --config signout.toml\n  SIGNOUT_SERVER__LISTEN=0.0.0.0:8080 signout check-config --json"
    )]
    CheckConfig(check_config::CheckConfigArgs),
    /// Ask a running service on this machine whether it is ready; exit code 0 or 1
    #[command(
        after_help = "Example, in a Dockerfile:\n  HEALTHCHECK CMD [\"signout\", \"healthcheck\"]"
    )]
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Explain why a token is or is not revoked
    #[command(
        after_help = "Examples:\n  signout lookup --token-file token.jwt\n  signout lookup --iss https://auth.example.org/ --jti 5f0c --json"
    )]
    Lookup(lookup::LookupArgs),
    /// Revoke a token, a session, a user, a client or everything of an issuer
    #[command(
        after_help = "Examples:\n  signout revoke --iss https://auth.example.org/ --sub alice --reason admin --dry-run\n  signout revoke --iss https://auth.example.org/ --sid 08a5019c"
    )]
    Revoke(revoke::RevokeArgs),
    /// Print the HTTP contract as YAML
    Openapi,
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  signout completions bash > /etc/bash_completion.d/signout")]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page
    #[command(after_help = "Example:\n  signout man > /usr/local/share/man/man1/signout.1")]
    Man,
}

#[derive(Debug, Args)]
struct ConfigArgs {
    /// The configuration file [default: `$SIGNOUT_CONFIG`, `./signout.toml`, `/etc/signout/signout.toml`]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    fn load(&self) -> Result<Loaded, SettingsError> {
        Settings::load(self.config.as_deref(), &Environment::of_process()?, &Disk)
    }
}

/// Runs the command of this process.
pub(crate) fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell if this fails.
            let _ = writeln!(io::stderr(), "signout: {}", told(&error));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::CheckConfig(args) => check_config::run(&args),
        Command::Healthcheck(args) => healthcheck::run(&args),
        Command::Lookup(args) => lookup::run(&args),
        Command::Revoke(args) => revoke::run(&args),
        Command::Openapi => {
            let document = signout::http::document().to_yaml().context("the contract")?;
            print(&document)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "signout", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
        Command::Man => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            print(&String::from_utf8_lossy(&page))
        }
    }
}

/// The error and its causes, leaving out those that the text before already tells.
fn told(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |told, cause| {
        let cause = cause.to_string();
        match told.as_str() {
            "" => cause,
            before if before.contains(&cause) => told,
            before => format!("{before}: {cause}"),
        }
    })
}

/// Prints a text. A reader that goes away early, as `head` does, is no error.
fn print(text: &str) -> anyhow::Result<ExitCode> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Before any TLS: two libraries below would otherwise each look for their own.
fn install_cryptography() {
    // An error means that it is installed already, which is just as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// One thread is plenty for a client.
fn client_runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
