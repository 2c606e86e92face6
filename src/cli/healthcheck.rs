//! `signout healthcheck`: for containers without a shell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use signout::provider::{Endpoint, HttpClient, PlainHttp};

use super::{ConfigArgs, client_runtime, install_cryptography, print};

/// `/readyz` answers a few lines.
const LIMIT: usize = 16 * 1024;

#[derive(Debug, Args)]
pub(super) struct HealthcheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Ask here instead of at the `metrics_listen` of the configuration
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

pub(super) fn run(args: &HealthcheckArgs) -> anyhow::Result<ExitCode> {
    let url = if let Some(url) = &args.url {
        url.clone()
    } else {
        let loaded = args.config.load()?;
        format!("http://{}", here(loaded.settings.server.metrics_listen))
    };
    let url = format!("{}/readyz?verbose", url.trim_end_matches('/'));
    let endpoint = Endpoint::parse(&url, PlainHttp::AllowLoopback)?;
    install_cryptography();
    let client = HttpClient::new(None)?;
    let answer = client_runtime()?
        .block_on(client.get(&endpoint, None, LIMIT))
        .context("the service does not answer")?;
    print(&String::from_utf8_lossy(answer.body()))?;
    Ok(if answer.status() == 200 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A service that listens everywhere is asked at home.
fn here(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
