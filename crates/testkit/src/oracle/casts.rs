//! Casts and published messages.

use super::events::What;
use super::peers::{Inst, Uid};
use super::{Map, Oracle};

/// How a message that is no call was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// To one component.
    To(Uid),
    /// To whoever had subscribed; so many matched.
    Published(u32),
}

#[derive(Debug)]
pub(super) struct Cast {
    sent: Sent,
    seq: u64,
    /// Who was given it.
    takers: Map<Uid, ()>,
}

impl Oracle {
    /// A cast or a publish was accepted. `number` is from [`Oracle::next_number`], before the
    /// send.
    pub fn cast(&mut self, number: u64, sent: Sent) {
        let seq = self.tick();
        match sent {
            Sent::To(_) => self.tally.casts += 1,
            Sent::Published(copies) => self.tally.copies += u64::from(copies),
        }
        self.casts.insert(number, Cast { sent, seq, takers: Map::default() });
    }

    /// A handler is given a message that is no call.
    pub fn cast_delivered(&mut self, to: Inst, number: u64) {
        self.tick();
        self.tally.casts_handled += 1;
        let uid = self.uid_of(to);
        self.note(uid, What::Takes { number });
        let Some(cast) = self.casts.get_mut(&number) else {
            return self.broken(11, format!("#{number} was delivered and had been refused"));
        };
        let seq = cast.seq;
        let twice = cast.takers.insert(uid, ()).is_some();
        let surplus = match cast.sent {
            Sent::To(to) => to != uid,
            Sent::Published(copies) => cast.takers.len() > copies as usize,
        };
        if twice {
            self.broken(11, format!("#{number} was delivered twice"));
        }
        if surplus {
            self.broken(11, format!("#{number} was delivered to somebody else"));
        }
        self.taken(uid, seq, seq, number);
    }
}
