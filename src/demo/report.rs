//! What the demo prints.

use std::io::{self, Write};
use std::time::Duration;

use super::DemoError;
use super::world::{Ended, Login, World};

pub(super) struct Report<'o> {
    out: &'o mut (dyn Write + Send),
}

impl<'o> Report<'o> {
    pub(super) fn new(out: &'o mut (dyn Write + Send)) -> Self {
        Self { out }
    }

    pub(super) fn places(&mut self, world: &World) -> io::Result<()> {
        let World { demo, service, operators, .. } = world;
        writeln!(
            self.out,
            "signout demo: a provider, an api and signout, over HTTP on this machine\n"
        )?;
        writeln!(self.out, "  provider  http://{demo}/op")?;
        writeln!(self.out, "  api       http://{demo}/orders")?;
        writeln!(self.out, "  signout   http://{service}   metrics http://{operators}/metrics\n")
    }

    pub(super) fn signed_in(
        &mut self,
        logins: &[Login],
        opened: &[Vec<u16>],
    ) -> Result<(), DemoError> {
        let tokens: usize = logins.iter().map(|login| login.tokens.len()).sum();
        let open = opened.iter().flatten().filter(|&&status| status == 200).count();
        writeln!(
            self.out,
            "1. alice and bob sign in on two devices each: {tokens} access tokens, good for an hour;\n   \
             {open} of {tokens} open the api"
        )?;
        expect("every token to open the api", open == tokens, || format!("{opened:?}"))
    }

    pub(super) fn signed_out(&mut self, ended: &Ended) -> Result<(), DemoError> {
        let Ended { status, answered, refused, .. } = ended;
        writeln!(
            self.out,
            "\n2. alice signs out on her laptop: the provider sends a signed logout token\n   \
             POST /backchannel-logout/demo -> {status} after {}\n   \
             refused by the api {} after the logout token was sent",
            Millis(*answered),
            Millis(*refused),
        )?;
        expect("200", *status == 200, || status.to_string())
    }

    pub(super) fn tokens(
        &mut self,
        logins: &[Login],
        opened: &[Vec<u16>],
    ) -> Result<(), DemoError> {
        writeln!(self.out)?;
        let mut untouched = 0;
        for (number, (login, statuses)) in logins.iter().zip(opened).enumerate() {
            let ended = number == 0;
            let expected = if ended { 401 } else { 200 };
            let word = if ended { "refused" } else { "untouched" };
            let codes: Vec<_> = statuses.iter().map(u16::to_string).collect();
            let (user, device, codes) = (login.user, login.device, codes.join(" "));
            writeln!(self.out, "   {user:<6} {device:<7} {codes}  {word}")?;
            let as_expected = statuses.iter().all(|&status| status == expected);
            expect(word, as_expected, || format!("{user} {device}: {codes}"))?;
            untouched += usize::from(!ended);
        }
        writeln!(self.out, "\n   1 session ended, {untouched} others untouched")?;
        Ok(())
    }

    pub(super) fn repeated(&mut self, status: u16) -> Result<(), DemoError> {
        writeln!(self.out, "\n3. the same logout token again -> {status}, no second effect")?;
        expect("200", status == 200, || status.to_string())
    }

    pub(super) fn forged(&mut self, status: u16) -> Result<(), DemoError> {
        writeln!(self.out, "4. a forged one that names bob -> {status}, nothing changed")?;
        expect("400", status == 400, || status.to_string())
    }

    pub(super) fn back_again(&mut self, status: u16) -> Result<(), DemoError> {
        writeln!(self.out, "5. alice signs in again: her new token -> {status}")?;
        expect("200", status == 200, || status.to_string())
    }

    pub(super) fn invitation(&mut self, world: &World, logins: &[Login]) -> Result<(), DemoError> {
        let World { demo, service, operators, .. } = world;
        let bob = logins.last().and_then(|login| login.tokens.first());
        let bob = bob.map(String::as_str).unwrap_or_default();
        writeln!(
            self.out,
            "\nStill up; Ctrl-C ends it. To play:\n\n  \
             TOKEN={bob}\n  \
             curl -i http://{demo}/orders -H \"Authorization: Bearer $TOKEN\"\n  \
             curl -X POST http://{demo}/op/sign-out/bob-phone     # the provider signs bob's phone out\n  \
             curl -i http://{demo}/orders -H \"Authorization: Bearer $TOKEN\"\n  \
             curl http://{service}/v1/check -H 'Authorization: Bearer demo-key-for-this-machine-only' \\\n       \
             -H 'Content-Type: application/json' -d \"{{\\\"token\\\": \\\"$TOKEN\\\"}}\"\n  \
             curl 'http://{operators}/readyz?verbose'"
        )?;
        Ok(())
    }
}

struct Millis(Duration);

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} ms", self.0.as_secs_f64() * 1_000.0)
    }
}

fn expect(
    expected: &'static str,
    met: bool,
    seen: impl FnOnce() -> String,
) -> Result<(), DemoError> {
    if met { Ok(()) } else { Err(DemoError::Unexpected { expected, seen: seen() }) }
}
