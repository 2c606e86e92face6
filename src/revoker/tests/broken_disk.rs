//! A disk whose sync fails once (I15): what is on it nobody knows, so nothing more is acknowledged,
//! however well it behaves afterwards.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use redb::backends::InMemoryBackend;
use signout_checker::{Revocation, SessionId, Target, TokenFacts, Verdict};
use tokio::sync::oneshot;

use super::{Bench, POLICY, at, logout_token, token};
use crate::revoker::writer::{Job, Writer};
use crate::revoker::*;

#[derive(Debug, Default)]
struct Disk {
    memory: InMemoryBackend,
    broken: Arc<AtomicBool>,
}

impl redb::StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.memory.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        const EIO: i32 = 5;
        if self.broken.load(Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        self.memory.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.memory.write(offset, data)
    }
}

struct House {
    writer: Writer,
    index: Arc<Index>,
    sessions: Arc<Sessions>,
    fault: Arc<ArcSwapOption<String>>,
    broken: Arc<AtomicBool>,
}

impl House {
    fn new() -> Self {
        let disk = Disk::default();
        let broken = Arc::clone(&disk.broken);
        let Bench { writer, index, sessions, fault } = Bench::on(Journal::open_on(disk).unwrap());
        Self { writer, index, sessions, fault, broken }
    }

    /// Whether a token is refused by its `jti` alone, as whoever holds it may ask.
    fn refuses(&self, jti: &str) -> bool {
        let token = token(jti, "s", "alice");
        // Those who ask look first whether it is registered.
        let held = self.sessions.token(&token.issuer, &token.jwt_id);
        let known = TokenFacts::new(&token.issuer).jwt_id(&token.jwt_id);
        let facts = held.as_ref().map_or(known, |held| held.facts());
        matches!(self.index.check(&facts), Verdict::Revoked(_))
    }

    fn logout(&mut self, sid: &str) -> Result<LoggedOut, RevokerError> {
        let (answer, mut answered) = oneshot::channel();
        let token = logout_token(&format!("l-{sid}"), sid, "");
        let job = Job::Logout { token, policy: POLICY, now: at(0), answer };
        self.writer.take_together(std::iter::once(job));
        answered.try_recv().unwrap()
    }

    fn register(&mut self, jti: &str) -> Result<Vec<Registered>, RevokerError> {
        let (answer, mut answered) = oneshot::channel();
        let tokens = vec![(token(jti, "s", "alice"), POLICY)];
        self.writer.take_together(std::iter::once(Job::Register { tokens, now: at(0), answer }));
        answered.try_recv().unwrap()
    }
}

#[test]
fn i15_after_a_failed_sync_nothing_is_acknowledged() {
    let mut house = House::new();
    house.logout("before").unwrap();
    house.broken.store(true, Ordering::SeqCst);
    for sid in ["during", "during", "after"] {
        let refused = house.logout(sid);
        assert!(matches!(refused, Err(RevokerError::NotDurable(_))), "{sid}: {refused:?}");
        // The disk behaves again from the second attempt on, and time passes.
        house.broken.store(false, Ordering::SeqCst);
        house.writer.take_together(std::iter::once(Job::Tidy));
    }
    assert!(matches!(house.register("t"), Err(RevokerError::NotDurable(_))));
    assert!(house.fault.load().as_ref().unwrap().contains("restart signout"));
    // What was acknowledged stays refused, and what was not is not.
    let refused = house.index.len(signout_checker::TargetKind::Session);
    assert_eq!(refused, 1);
}

/// What is known to belong to an ended session goes on being refused while its own end is written,
/// and if that cannot be written.
#[test]
fn i3_a_token_is_found_in_its_session_until_it_is_refused_by_itself() {
    let mut house = House::new();
    house.register("t").unwrap();
    let session = Target::Session(super::op(), SessionId::parse("s").unwrap());
    let mark = Revocation::of(session, Reason::BackchannelLogout, at(0), at(90_000));
    let mark = Change::of(&mark, house.index.key());
    house.index.apply_change(&mark);
    house.writer.take_together(std::iter::once(Job::Follow { changes: vec![mark] }));
    assert!(house.refuses("t"));
    house.broken.store(true, Ordering::SeqCst);
    house.writer.carry_now();
    assert!(house.fault.load().is_some());
    assert!(house.refuses("t"));
}
