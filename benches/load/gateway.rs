//! What a gateway and a resource server wait for: `/forward-auth` behind nginx and `/oauth2/introspect`,
//! each beside a handler that answers without looking.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::client::{drive, post};
use crate::empty::Empty;
use crate::nginx::Nginx;
use crate::op::{self, Op};
use crate::service::{self, API_KEY, Service};
use crate::table::{self, Column};

const ROUNDS: usize = 7;
const REQUESTS: usize = 20_000;
/// Access tokens in use at a time, each verified once. The service remembers 8,192 at least.
const IN_USE: usize = 2_000;
/// Tokens of a round that were never seen before.
const NEW: usize = 3_000;
const CONNECTIONS: usize = 32;

/// A service at which other sessions are over, so that no kind of target is empty and skipped.
struct World {
    op: Op,
    service: Service,
    empty: Empty,
    _folder: tempfile::TempDir,
}

impl World {
    fn start() -> Self {
        let (folder, op) = (service::folder(), Op::new());
        let settings =
            format!("{}[forward_auth]\naudiences = [\"api\"]\n", op.settings(folder.path()));
        let service = Service::start(folder.path(), &settings);
        drive(service.address, &op::registrations(0..IN_USE, 1), CONNECTIONS);
        let others = IN_USE + ROUNDS * NEW;
        let over = op.logout_tokens(others..others + IN_USE / 10);
        let over: Vec<_> = over.iter().map(op::logout).collect();
        drive(service.address, &over, CONNECTIONS);
        Self { op, service, empty: Empty::start(), _folder: folder }
    }

    /// Requests with tokens in use, and requests of each round with new ones.
    fn requests(&self, of: impl Fn(&String) -> Vec<u8>) -> (Vec<Vec<u8>>, Vec<Vec<Vec<u8>>>) {
        let tokens: Vec<_> =
            self.op.access_tokens(0..IN_USE + ROUNDS * NEW).iter().map(of).collect();
        let (used, new) = tokens.split_at(IN_USE);
        let used = (0..REQUESTS).map(|number| used.get(number % IN_USE).unwrap().clone()).collect();
        (used, new.chunks(NEW).map(<[_]>::to_vec).collect())
    }
}

pub(crate) fn forward_auth() {
    let (world, app) = (World::start(), Empty::start());
    let (service, empty) = (&world.service, &world.empty);
    let gates = [service.address, empty.address].map(|gate| Nginx::start(gate, app.address));
    let [guarded, open] = &gates;
    let at = |path: &'static str| {
        move |token: &String| {
            let authorization = format!("authorization: Bearer {token}");
            format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{authorization}\r\n\r\n").into_bytes()
        }
    };
    let (used, new) = world.requests(at("/orders/17"));
    let (straight, _) = world.requests(at("/forward-auth"));
    drive(guarded.address, &used, CONNECTIONS);
    let [mut seen, mut unseen, mut nothing, mut nothing_new] = <[Column; 4]>::default();
    let [mut seen_straight, mut nothing_straight] = <[Column; 2]>::default();
    for new in &new {
        seen.round(service.pid(), guarded.address, &used, CONNECTIONS);
        nothing.round(empty.pid(), open.address, &used, CONNECTIONS);
        unseen.round(service.pid(), guarded.address, new, CONNECTIONS);
        nothing_new.round(empty.pid(), open.address, new, CONNECTIONS);
        seen_straight.round(service.pid(), service.address, &straight, CONNECTIONS);
        nothing_straight.round(empty.pid(), empty.address, &straight, CONNECTIONS);
    }
    table::head(CONNECTIONS);
    seen.print("nginx, `auth_request` to `/forward-auth`, RS256, tokens in use");
    nothing.print("the same nginx, `auth_request` to an empty handler");
    unseen.print("the first, tokens never seen before");
    nothing_new.print("the second, same requests");
    seen_straight.print("`/forward-auth` without nginx, tokens in use");
    nothing_straight.print("empty handler without nginx");
    share("through nginx, tokens in use", &seen, &nothing);
    share("through nginx, new tokens", &unseen, &nothing_new);
    share("without nginx, tokens in use", &seen_straight, &nothing_straight);
}

pub(crate) fn introspect() {
    let world = World::start();
    let (service, empty) = (&world.service, &world.empty);
    let credentials = STANDARD.encode(format!("bench:{API_KEY}"));
    let (used, new) = world.requests(|token| {
        let body = format!("token={token}");
        let request = post("/oauth2/introspect", "application/x-www-form-urlencoded", None, &body);
        let request = String::from_utf8(request).unwrap();
        let authorization = format!("\r\nauthorization: Basic {credentials}\r\n");
        request.replacen("\r\n", &authorization, 1).into_bytes()
    });
    drive(service.address, &used, CONNECTIONS);
    let [mut seen, mut unseen, mut nothing, mut nothing_new] = <[Column; 4]>::default();
    for new in &new {
        seen.round(service.pid(), service.address, &used, CONNECTIONS);
        nothing.round(empty.pid(), empty.address, &used, CONNECTIONS);
        unseen.round(service.pid(), service.address, new, CONNECTIONS);
        nothing_new.round(empty.pid(), empty.address, new, CONNECTIONS);
    }
    table::head(CONNECTIONS);
    seen.print("introspection, RS256, tokens in use");
    nothing.print("empty handler, same form, answer of the same length");
    unseen.print("introspection, tokens never seen before");
    nothing_new.print("empty handler, same requests");
    share("tokens in use", &seen, &nothing);
    share("new tokens", &unseen, &nothing_new);
}

fn share(what: &str, ours: &Column, nothing: &Column) {
    let share = 100.0 * ours.per_second() / nothing.per_second();
    println!("\nOf the empty handler's rate, {what}: {share:.0} %.");
}
