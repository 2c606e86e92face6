//! Load on the real service: the release binary as a child process, on a temporary folder.
//!
//! `cargo bench --bench load -- callback` and so on; docs/benchmarks.md has the modes and figures.
//! The compared things take turns within one run and medians are told, because the machine is
//! rarely quiet. The load comes from one thread of this process and shares the cores with the
//! service, so the processor time per request is the figure that travels, not the rate.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that cannot go on has nothing better to do than to stop"
)]
#![expect(
    clippy::cast_precision_loss,
    reason = "nothing counted here has more than 53 bits, and it is only shown"
)]

mod callback;
mod check;
mod client;
mod empty;
mod feed;
mod gateway;
mod nginx;
mod op;
mod process;
mod redis;
mod register;
mod restart;
mod service;
mod snapshot;
mod table;

type Mode = (&'static str, fn());

const MODES: [Mode; 15] = [
    ("callback", callback::run),
    ("check", check::run),
    ("forward-auth", gateway::forward_auth),
    ("introspect", gateway::introspect),
    ("register", register::run),
    ("start", restart::start),
    ("memory", restart::memory),
    ("feed-fanout", feed::fanout),
    ("snapshot", snapshot::run),
    ("redis-callback", redis::callback),
    ("redis-propagation", redis::propagation),
    ("redis-drain", redis::drain),
    ("redis-subject", redis::subject),
    ("redis-memory", redis::memory),
    ("redis-load", redis::load),
];

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == empty::ARGUMENT) {
        return empty::serve();
    }
    // `cargo test --benches` runs this without `--bench`: it compiled, which is all it asks.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let asked: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    // `redis` means all that begin with `redis-`.
    let means = |asked: &str, name: &str| {
        name.strip_prefix(asked).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    for (name, run) in MODES {
        if asked.is_empty() || asked.iter().any(|asked| means(asked, name)) {
            println!("\n## {name}\n");
            run();
        }
    }
}
