//! Dead letters: each is one that had to be, and says what is true.

use castcall_core::{DeadLetter, DeadLetterReason, Timestamp};

use super::Oracle;
use super::casts::{Place, promise_of};
use super::events::What;
use super::peers::Uid;
use super::sweep::Life;

impl Oracle {
    /// A dead letter was given to the ledger. `number`: the one that its payload carries.
    pub fn died(
        &mut self,
        number: u64,
        letter: &DeadLetter,
        now: Timestamp,
        life: &dyn Fn(Uid) -> Life,
    ) {
        self.tally.dead_letters += 1;
        self.tally.dropped += u64::from(letter.reason == DeadLetterReason::Dropped);
        let Some(cast) = self.casts.get_mut(&number) else {
            return self.broken(12, format!("#{number} is a dead letter and was never accepted"));
        };
        let about = &cast.about;
        let stamped = if about.exact { letter.sent == about.now } else { letter.sent <= about.now };
        let told = about.from == letter.from
            && about.topic == letter.topic
            && about.payload == letter.payload
            && letter.died == now
            && stamped;
        let sending = !cast.accepted;
        if sending {
            cast.early.push((letter.to.clone(), letter.reason));
        }
        let share = cast.shares.iter().find(|share| self.peers[share.uid as usize].is(&letter.to));
        let share = share.map(|share| (share.uid, share.place, share.attempts));
        if !told || (sending && letter.attempts > 0) {
            self.broken(
                12,
                format!("the dead letter of #{number} does not tell what was: {letter:?}"),
            );
        }
        let (uid, place, attempts) = match share {
            Some(share) => share,
            None if sending => return,
            None => {
                let how = format!("#{number} was not sent to {}, where it died", letter.to);
                return self.broken(12, how);
            }
        };
        let reason = letter.reason;
        self.note(uid, What::Dies { number, reason });
        if attempts != letter.attempts {
            let how = format!("#{number} was given {attempts} times, and not {}", letter.attempts);
            self.broken(12, how);
        }
        if let Some(how) = self.wrong_death(uid, place, reason, life(uid)) {
            self.broken(promise_of(reason), format!("#{number}, dead letter as {reason}, {how}"));
        }
        self.unsettled.remove(&(uid, number));
        let again = &mut self.peers[uid as usize].again;
        if *again == Some(number) {
            *again = None;
        }
        if let Some(share) = self.casts.get_mut(&number).and_then(|cast| cast.share(uid)) {
            share.place = Place::Dead;
        }
    }

    /// What is wrong with a copy's becoming a dead letter after its send.
    fn wrong_death(
        &self,
        uid: Uid,
        place: Place,
        reason: DeadLetterReason,
        life: Life,
    ) -> Option<&'static str> {
        let peer = &self.peers[uid as usize];
        match (place, reason) {
            (Place::Handled, _) => Some("was handled too"),
            (Place::InHand, _) => Some("is in a handler's hands"),
            (Place::Dead, _) => Some("is one twice"),
            (Place::Owed(owed), reason) => (owed != reason).then_some("is one for another reason"),
            (Place::Waits, DeadLetterReason::Dropped) if peer.rules.drops => {
                self.roomy.contains(&uid).then_some("had to go although there was room")
            }
            (Place::Waits | Place::Again, DeadLetterReason::Unavailable) => {
                (life.takes() && !peer.ending).then_some("although its target was there")
            }
            (Place::Waits | Place::Again, _) => Some("for no reason"),
        }
    }

    /// After a step: what had to become a dead letter has, and what had to end has.
    pub fn is_settled(&mut self, pending: &dyn Fn(castcall_core::RequestId) -> bool) {
        for (uid, number) in std::mem::take(&mut self.owed) {
            let cast = self.casts.get_mut(&number);
            let place = cast.and_then(|cast| cast.share(uid)).map(|share| share.place);
            if let Some(Place::Owed(reason)) = place {
                let how = format!("#{number} has not become a dead letter: {reason}");
                self.broken(promise_of(reason), how);
            }
        }
        for number in std::mem::take(&mut self.cut) {
            let Some(call) = self.calls.get(&number) else { continue };
            // One made from outside has no id yet, and has been told of if it ended.
            if call.id.map_or(self.live.contains(&number), pending) {
                self.broken(14, format!("#{number} is pending, and its sender is cut off"));
            }
        }
    }

    /// Nothing happens any more: every copy has been handled or is a dead letter.
    pub fn is_all_settled(&mut self) {
        if let Some(&(uid, number)) = self.unsettled.first() {
            let name = &self.peers[uid as usize].rules.name;
            let more = self.unsettled.len() - 1;
            let cast = self.casts.get_mut(&number);
            let place = cast.and_then(|cast| cast.share(uid)).map(|share| share.place);
            let how = format!(
                "#{number} to {name}({uid}) is {place:?} for ever, neither handled nor a dead \
                 letter, and so are {more} more"
            );
            self.broken(12, how);
        }
    }
}
