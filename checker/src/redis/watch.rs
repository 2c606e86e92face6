//! Whether what was read may be called fresh. Pure.

use std::time::{Duration, Instant};

use super::Trouble;
use super::connection::Look;
use super::instances::all_compared;
use super::reply::Server;
use crate::log::{Loss, Reading, Standing};

/// Nothing is fresh for this long behind a connect: instances look twice a second, and one that
/// has something to put back after a loss has said so by then.
const SETTLES: Duration = Duration::from_secs(2);

/// What the looks of one connection saw.
#[derive(Debug)]
pub(super) struct Watch {
    connected: Instant,
    server: Server,
    gap: Option<Loss>,
}

/// What a look says about what was read before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// The log is whole, on a master, and nobody has anything to put back.
    Fresh,
    /// Not to be told yet.
    Doubtful,
}

impl Watch {
    /// `server` is the one that the log is read from, since `connected`.
    pub(super) const fn new(connected: Instant, server: Server) -> Self {
        Self { connected, server, gap: None }
    }

    /// Judges by a look that began after `read` was read. An error ends the connection.
    pub(super) fn judge(
        &mut self,
        read: Reading,
        look: &Look,
        now: Instant,
    ) -> Result<Judged, Trouble> {
        let head = look.head.as_ref().ok_or(Loss::Emptied)?;
        match read.against(head) {
            Standing::Continues => {}
            Standing::Renewed => return Err(Trouble::Renewed),
            Standing::Lost(loss) => return Err(loss.into()),
        }
        // Head and log are not read at once, so only what is seen twice is believed.
        let gap = look.shape.gap(head, read.seq);
        if let (Some(gap), true) = (gap, gap == self.gap) {
            return Err(gap.into());
        }
        self.gap = gap;
        if self.server != look.server || !look.server.is_master {
            return Err(Trouble::OtherServer);
        }
        let instances = look.instances.iter().map(String::as_str);
        let is_settled = now.saturating_duration_since(self.connected) >= SETTLES;
        let is_fresh =
            gap.is_none() && is_settled && all_compared(instances, head.epoch, look.time);
        Ok(if is_fresh { Judged::Fresh } else { Judged::Doubtful })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DigestKey;
    use crate::log::{Epoch, Head, LinkId, LogShape};

    const READ: Reading =
        Reading { epoch: Epoch::from_bits(1), seq: 9, link: LinkId::from_bytes([9; 8]) };

    fn look() -> Look {
        let head = Head {
            format: 1,
            key: DigestKey::from_bytes([0; 16]),
            epoch: READ.epoch,
            seq: 9,
            link: READ.link,
            first: 1,
        };
        Look {
            head: Some(head),
            shape: LogShape { length: 9, first: 1, last: 9, link: READ.link },
            server: Server { run_id: "a".into(), is_master: true },
            time: 100_000,
            instances: vec!["99900 0000000000000001".into()],
        }
    }

    #[test]
    fn i11_only_a_whole_log_on_a_master_is_fresh() {
        let start = Instant::now();
        let (soon, later) = (start + SETTLES / 2, start + SETTLES);
        let judge = |seen: &Look, now| Watch::new(start, look().server).judge(READ, seen, now);
        assert_eq!(judge(&look(), later), Ok(Judged::Fresh));
        assert_eq!(judge(&look(), soon), Ok(Judged::Doubtful));

        let changed = |change: fn(&mut Look)| {
            let mut look = look();
            change(&mut look);
            judge(&look, later)
        };
        let lost = |loss| Err(Trouble::Lost(loss));
        for (judged, expected) in [
            (changed(|look| look.head = None), lost(Loss::Emptied)),
            (
                changed(|look| look.head.as_mut().unwrap().epoch = Epoch::from_bits(2)),
                Err(Trouble::Renewed),
            ),
            (
                changed(|look| look.head.as_mut().unwrap().seq = 8),
                lost(Loss::RolledBack { read: 9, found: 8 }),
            ),
            (
                changed(|look| look.head.as_mut().unwrap().link = LinkId::NONE),
                lost(Loss::Forked { read: 9 }),
            ),
            (changed(|look| look.server.is_master = false), Err(Trouble::OtherServer)),
            // Seen once, it may be a trim between two answers.
            (changed(|look| look.shape.length = 8), Ok(Judged::Doubtful)),
            (changed(|look| look.instances.push("99900 ".into())), Ok(Judged::Doubtful)),
        ] {
            assert_eq!(judged, expected);
        }
    }

    #[test]
    fn i9_a_replica_is_not_believed_whatever_it_has() {
        let start = Instant::now();
        let mut replica = look();
        replica.server.is_master = false;
        let judged =
            Watch::new(start, replica.server.clone()).judge(READ, &replica, start + SETTLES);
        assert_eq!(judged, Err(Trouble::OtherServer));
    }

    #[test]
    fn what_is_seen_twice_is_believed() {
        let start = Instant::now();
        let later = start + SETTLES;
        let mut watch = Watch::new(start, look().server);
        let mut odd = look();
        odd.shape.length = 8;
        assert_eq!(watch.judge(READ, &odd, later), Ok(Judged::Doubtful));
        assert_eq!(watch.judge(READ, &look(), later), Ok(Judged::Fresh));
        assert_eq!(watch.judge(READ, &odd, later), Ok(Judged::Doubtful));
        let gap = Err(Trouble::Lost(Loss::Gap { missing: 1 }));
        assert_eq!(watch.judge(READ, &odd, later), gap);
    }

    #[test]
    fn another_process_is_another_server() {
        let start = Instant::now();
        let mut watch = Watch::new(start, look().server);
        assert_eq!(watch.judge(READ, &look(), start + SETTLES), Ok(Judged::Fresh));
        let mut other = look();
        other.server.run_id = "b".into();
        assert_eq!(watch.judge(READ, &other, start + SETTLES), Err(Trouble::OtherServer));
    }
}
