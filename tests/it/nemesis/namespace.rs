//! A host of its own for one instance: a network namespace with a cable to Redis that can be cut, and
//! another one by which it is asked.
//!
//! Takes root and `ip` of iproute2. The proxies do nearly the same without either; only here packets are
//! lost while both ends keep their connections and their ports, as on a real network.

use std::net::Ipv4Addr;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU8, Ordering};

/// How many namespaces this process made.
static MADE: AtomicU8 = AtomicU8::new(0);

/// Deleted, cables and all, when it goes away.
pub(super) struct Namespace {
    name: String,
    /// The first three bytes of its addresses.
    net: [u8; 3],
}

/// What happens to the cable.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cable {
    /// Nothing gets through, and nobody is told.
    Unplugged,
    /// What Redis sends is lost.
    DeafInstance,
    /// What the instance sends is lost.
    DeafRedis,
}

impl Cable {
    pub(super) const ALL: [Self; 3] = [Self::Unplugged, Self::DeafInstance, Self::DeafRedis];
}

impl Namespace {
    /// Why there is none is told as an error: no root, no `ip`, or a kernel without namespaces.
    pub(super) fn make() -> Result<Self, String> {
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let [.., high, low] = process::id().to_be_bytes();
        // Its cables have one letter more, and fifteen bytes at most.
        let name = format!("so-{high:02x}{low:02x}-{made}");
        let namespace = Self { name, net: [10, 128 | (high & 0x7f), low.wrapping_add(made)] };
        namespace.set_up()?;
        Ok(namespace)
    }

    fn set_up(&self) -> Result<(), String> {
        let name = &self.name;
        ip(&["netns", "add", name])?;
        self.inside(&["link", "set", "lo", "up"])?;
        // To Redis, and for questions: four addresses each.
        for (cable, host, guest) in
            [("r", self.redis(), self.of(2)), ("q", self.of(5), self.questions())]
        {
            let (out, inner) = (self.cable(cable), format!("eth-{cable}"));
            ip(&["link", "add", &out, "type", "veth", "peer", "name", &inner, "netns", name])?;
            ip(&["address", "add", &format!("{host}/30"), "dev", &out])?;
            ip(&["link", "set", &out, "up"])?;
            self.inside(&["address", "add", &format!("{guest}/30"), "dev", &inner])?;
            self.inside(&["link", "set", &inner, "up"])?;
        }
        Ok(())
    }

    /// Where Redis is seen from inside.
    pub(super) fn redis(&self) -> Ipv4Addr {
        self.of(1)
    }

    /// Where who lives inside is asked.
    pub(super) fn questions(&self) -> Ipv4Addr {
        self.of(6)
    }

    /// What starts a program inside.
    pub(super) fn launcher(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.name]
    }

    pub(super) fn trouble(&self, cable: Cable) {
        let done = match cable {
            Cable::Unplugged => ip(&["link", "set", &self.cable("r"), "down"]),
            Cable::DeafInstance => {
                ip(&["route", "add", "blackhole", &format!("{}/32", self.of(2))])
            }
            Cable::DeafRedis => {
                self.inside(&["route", "add", "blackhole", &format!("{}/32", self.redis())])
            }
        };
        done.unwrap();
    }

    pub(super) fn mend(&self, cable: Cable) {
        let done = match cable {
            Cable::Unplugged => ip(&["link", "set", &self.cable("r"), "up"]),
            Cable::DeafInstance => {
                ip(&["route", "del", "blackhole", &format!("{}/32", self.of(2))])
            }
            Cable::DeafRedis => {
                self.inside(&["route", "del", "blackhole", &format!("{}/32", self.redis())])
            }
        };
        done.unwrap();
    }

    fn of(&self, last: u8) -> Ipv4Addr {
        let [a, b, c] = self.net;
        Ipv4Addr::new(a, b, c, last)
    }

    /// At most 15 characters.
    fn cable(&self, end: &str) -> String {
        format!("{}{end}", self.name)
    }

    fn inside(&self, arguments: &[&str]) -> Result<(), String> {
        ip(&[&["-n", &self.name], arguments].concat())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // What ran inside is gone by now, and the cables go with one of their ends.
        let _ = ip(&["netns", "del", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).output();
    let output = output.map_err(|error| format!("ip does not run ({error})"))?;
    let error = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("ip {arguments:?}: {error}")) }
}
