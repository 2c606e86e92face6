//! `signout revoke`.

use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};
use signout_checker::Reason;

use super::admin::{NameArgs, ServiceArgs};
use super::print;

#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// Exactly one of jti, sid, sub and client-id; with --iss alone, everything of the issuer
    #[command(flatten)]
    name: NameArgs,
    /// Why
    #[arg(long, default_value = "admin", value_parser = reasons())]
    reason: String,
    /// Only tokens issued at or before this, in seconds since 1970
    #[arg(long, value_name = "SECONDS")]
    issued_before: Option<u64>,
    /// Only tell what it would hit
    #[arg(long)]
    dry_run: bool,
    /// Confirms that a whole issuer is meant
    #[arg(long)]
    everything: bool,
    /// For machines
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &RevokeArgs) -> anyhow::Result<ExitCode> {
    let target = args.name.to_json();
    let alone = target.as_object().is_some_and(|members| members.len() == 1);
    if alone && args.name.iss.is_some() && !args.everything && !args.dry_run {
        anyhow::bail!(
            "--iss alone revokes every token of that issuer; add --everything to mean it"
        );
    }
    let mut order = json!({ "target": target, "reason": args.reason });
    if let (Some(cut_off), Some(members)) = (args.issued_before, order.as_object_mut()) {
        members.insert("issued_before".to_owned(), cut_off.into());
    }
    let path = if args.dry_run { "/v1/revocations?dry_run=true" } else { "/v1/revocations" };
    let answer = args.service.post(path, &order)?;
    if args.json {
        return print(&format!("{answer:#}\n"));
    }
    let hit = answer.get("tokens_hit").and_then(Value::as_u64).unwrap_or_default();
    if args.dry_run {
        return print(&format!("would hit {hit} registered tokens; nothing was changed\n"));
    }
    let id = answer.get("id").and_then(Value::as_str).unwrap_or("?");
    print(&format!("revoked: {hit} registered tokens hit ({id})\n"))
}

fn reasons() -> PossibleValuesParser {
    PossibleValuesParser::new(Reason::ALL.iter().map(|reason| reason.as_str()))
}
