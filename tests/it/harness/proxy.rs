//! A network that misbehaves when told: a TCP proxy between a client and a server.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{io, mem};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{oneshot, watch};

/// Which way bytes go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

/// What happens to the bytes of one direction, on all connections, those to come included. Counts
/// begin when the fault is set and run over all connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// None.
    Pass,
    /// Bytes and the end of the stream vanish, and the connection stays open. Bytes that vanished do
    /// not come back with `Pass`; an end that came in the meantime does.
    BlackHole,
    /// At most so many bytes at a time, each time after the delay.
    Slow { bytes: usize, delay: Duration },
    /// This many bytes still pass, then every connection is cut. New ones have no fault.
    CutAfter(usize),
    /// All bits of the byte at this offset are flipped, once.
    CorruptAt(usize),
    /// All bits of the last of every so many bytes are flipped.
    CorruptEvery(usize),
}

/// A proxy in front of a server. Ends with all its connections when it goes away.
///
/// It lives on a thread of its own: a test that blocks does not hold it up.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

struct Shared {
    target: Mutex<SocketAddr>,
    /// `Direction` is the index.
    ways: [Mutex<Way>; 2],
    /// How often connections were cut, and how often anything was changed.
    changes: watch::Sender<Changes>,
    refusing: Mutex<bool>,
    arrived: AtomicUsize,
    open: AtomicUsize,
}

#[derive(Clone, Copy, Default)]
struct Changes {
    cuts: usize,
    faults: usize,
}

/// One direction.
struct Way {
    fault: Fault,
    /// Bytes since the fault was set.
    since: usize,
    /// Bytes that were let through ever, and those that were not.
    passed: usize,
    swallowed: usize,
}

/// What to do with the first bytes of a part, of which there is at least one.
#[derive(Debug, PartialEq)]
enum Step {
    Send(usize),
    SendAfter(Duration, usize),
    /// Sends this many and cuts every connection.
    SendAndCut(usize),
    Swallow,
}

impl Proxy {
    pub(crate) fn start(target: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            ways: [Mutex::default(), Mutex::default()],
            changes: watch::Sender::default(),
            refusing: Mutex::default(),
            arrived: AtomicUsize::default(),
            open: AtomicUsize::default(),
        });
        let (end, ended) = oneshot::channel();
        let serve = Arc::clone(&shared).serve(listener);
        // All connections are tasks of this runtime and end with it.
        let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! { _ = ended => {}, () = serve => {} }
            });
        });
        Self { address, shared, thread: Some((end, thread)) }
    }

    /// Where clients connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections lead to this server from now on. Those that are open stay where they are.
    pub(crate) fn aim(&self, target: SocketAddr) {
        *self.shared.target.lock().unwrap() = target;
    }

    /// Sets the fault of one direction. The other one keeps its own.
    pub(crate) fn set(&self, direction: Direction, fault: Fault) {
        {
            let mut way = self.shared.way(direction).lock().unwrap();
            (way.fault, way.since) = (fault, 0);
        }
        self.shared.changes.send_modify(|changes| changes.faults += 1);
    }

    /// No fault in any direction, and new connections are welcome. Those that were cut stay cut.
    pub(crate) fn pass(&self) {
        *self.shared.refusing.lock().unwrap() = false;
        self.set(Direction::ToServer, Fault::Pass);
        self.set(Direction::ToClient, Fault::Pass);
    }

    /// Swallows everything, both ways.
    pub(crate) fn black_hole(&self) {
        self.set(Direction::ToServer, Fault::BlackHole);
        self.set(Direction::ToClient, Fault::BlackHole);
    }

    /// Closes all connections now.
    pub(crate) fn cut(&self) {
        self.shared.cut();
    }

    /// Closes new connections as soon as they arrive, until `pass`.
    pub(crate) fn refuse(&self) {
        *self.shared.refusing.lock().unwrap() = true;
    }

    /// How many bytes went this way to their end.
    pub(crate) fn bytes(&self, direction: Direction) -> usize {
        self.shared.way(direction).lock().unwrap().passed
    }

    /// How many bytes a black hole took on this way.
    pub(crate) fn swallowed(&self, direction: Direction) -> usize {
        self.shared.way(direction).lock().unwrap().swallowed
    }

    /// How many connections arrived so far, with those that were refused.
    pub(crate) fn arrived(&self) -> usize {
        self.shared.arrived.load(Ordering::SeqCst)
    }

    /// How many connections are open now.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.thread.take() {
            let _ = end.send(());
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn way(&self, direction: Direction) -> &Mutex<Way> {
        &self.ways[direction as usize]
    }

    fn cut(&self) {
        self.changes.send_modify(|changes| changes.cuts += 1);
    }

    async fn serve(self: Arc<Self>, listener: std::net::TcpListener) {
        let listener = TcpListener::from_std(listener).unwrap();
        while let Ok((client, _)) = listener.accept().await {
            self.arrived.fetch_add(1, Ordering::SeqCst);
            if !*self.refusing.lock().unwrap() {
                let connection = Open::new(&self);
                let target = *self.target.lock().unwrap();
                tokio::spawn(async move { connection.carry(client, target).await });
            }
        }
    }
}

/// An open connection, for the counter.
struct Open {
    shared: Arc<Shared>,
    changes: watch::Receiver<Changes>,
}

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::SeqCst);
        Self { shared: Arc::clone(shared), changes: shared.changes.subscribe() }
    }

    /// Carries bytes both ways until both have ended, one broke, or all are cut.
    async fn carry(&self, client: TcpStream, target: SocketAddr) {
        let mut changes = self.changes.clone();
        let cuts = changes.borrow_and_update().cuts;
        let carried = async {
            let server = TcpStream::connect(target).await?;
            server.set_nodelay(true)?;
            client.set_nodelay(true)?;
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::try_join!(
                self.pump(Direction::ToServer, from_client, to_server),
                self.pump(Direction::ToClient, from_server, to_client),
            )
        };
        tokio::select! {
            // An error closes both ends, as the end of this function does.
            _ = carried => {}
            _ = changes.wait_for(|changes| changes.cuts != cuts) => {}
        }
    }

    async fn pump(
        &self,
        direction: Direction,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
    ) -> io::Result<()> {
        let way = self.shared.way(direction);
        let mut changes = self.changes.clone();
        let mut buffer = vec![0; 16 * 1_024];
        loop {
            let read = from.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            let mut part = &mut buffer[..read];
            while !part.is_empty() {
                changes.mark_unchanged();
                let step = way.lock().unwrap().step(part);
                let sent = match step {
                    Step::Swallow => part.len(),
                    Step::Send(sent) | Step::SendAndCut(sent) => sent,
                    Step::SendAfter(delay, sent) => {
                        // A fault that is set in the meantime decides anew.
                        let changed = tokio::time::timeout(delay, changes.changed()).await;
                        if changed.is_ok() {
                            continue;
                        }
                        sent
                    }
                };
                let (now, later) = mem::take(&mut part).split_at_mut(sent);
                if step == Step::Swallow {
                    way.lock().unwrap().swallowed += sent;
                } else {
                    to.write_all(now).await?;
                    way.lock().unwrap().passed += sent;
                }
                if let Step::SendAndCut(_) = step {
                    self.shared.cut();
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                part = later;
            }
        }
        // The end vanishes as well, as long as everything does.
        let seen = |_: &Changes| way.lock().unwrap().fault != Fault::BlackHole;
        let _ = changes.wait_for(seen).await;
        to.shutdown().await
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Default for Way {
    fn default() -> Self {
        Self { fault: Fault::Pass, since: 0, passed: 0, swallowed: 0 }
    }
}

impl Way {
    /// Decides about the first bytes of a part, and corrupts them in place.
    fn step(&mut self, part: &mut [u8]) -> Step {
        let before = self.since;
        let step = match self.fault {
            Fault::Pass => Step::Send(part.len()),
            Fault::BlackHole => Step::Swallow,
            Fault::Slow { bytes, delay } => Step::SendAfter(delay, part.len().min(bytes.max(1))),
            Fault::CutAfter(limit) => match limit - before {
                left if left > part.len() => Step::Send(part.len()),
                left => {
                    self.fault = Fault::Pass;
                    Step::SendAndCut(left)
                }
            },
            Fault::CorruptAt(offset) => {
                if let Some(byte) = offset.checked_sub(before).and_then(|at| part.get_mut(at)) {
                    *byte = !*byte;
                }
                Step::Send(part.len())
            }
            Fault::CorruptEvery(nth) => {
                for (at, byte) in (before + 1..).zip(part.iter_mut()) {
                    if at.is_multiple_of(nth) {
                        *byte = !*byte;
                    }
                }
                Step::Send(part.len())
            }
        };
        if let Step::Send(sent) = step {
            self.since += sent;
        }
        step
    }
}

#[cfg(test)]
mod tests;
