//! `signout lookup`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::admin::{NameArgs, ServiceArgs};
use super::print;

#[derive(Debug, Args)]
pub(super) struct LookupArgs {
    #[command(flatten)]
    service: ServiceArgs,
    /// File with the signed token; the service verifies it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["iss", "jti", "sid", "sub", "client_id", "iat"])]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    name: NameArgs,
    /// When the token was issued, in seconds since 1970
    #[arg(long)]
    iat: Option<u64>,
    /// For machines
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &LookupArgs) -> anyhow::Result<ExitCode> {
    let question = if let Some(file) = &args.token_file {
        let token = std::fs::read_to_string(file)
            .with_context(|| format!("--token-file {}", file.display()))?;
        json!({ "token": token.trim() })
    } else {
        let mut question = args.name.to_json();
        if let (Some(iat), Some(members)) = (args.iat, question.as_object_mut()) {
            members.insert("iat".to_owned(), iat.into());
        }
        question
    };
    let answer = args.service.post("/v1/check", &question)?;
    if args.json { print(&format!("{answer:#}\n")) } else { print(&explain(&answer)?) }
}

fn explain(answer: &Value) -> Result<String, std::fmt::Error> {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or("?");
    let is = |name: &str| answer.get(name).and_then(Value::as_bool).unwrap_or(false);
    let mut out = String::new();
    if is("revoked") {
        writeln!(out, "revoked")?;
        writeln!(out, "  what was revoked  the {}", text("target"))?;
        writeln!(out, "  why               {}", text("reason"))?;
        let at = answer.get("revoked_at").and_then(Value::as_u64).unwrap_or_default();
        writeln!(out, "  when              {at} (seconds since 1970; date -d @{at})")?;
    } else {
        writeln!(out, "not revoked")?;
    }
    let known = if is("known") {
        "yes"
    } else {
        "no: it is found by its sid and sub only, if the token carries them"
    };
    writeln!(out, "  registered        {known}")?;
    Ok(out)
}
