//! What matched, and handing a message out to it.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::group::Group;
use crate::leaf::Leaf;
use crate::member::{Member, Seat, line_up, take_turn};

/// Who gets what is published to one topic. Filled by
/// [`SubscriptionTable::matching`](crate::SubscriptionTable::matching); to be kept and used again.
///
/// It is a copy: the table may change meanwhile, also from within the closures given here. It
/// holds its subscribers until they are handed out, cleared or replaced.
#[derive(Debug)]
pub struct Matches<S> {
    /// Each once, by number.
    plain: Vec<(u64, S)>,
    /// Each once per group, those of one group together.
    seats: Vec<Seat<S>>,
    /// How many leaves `plain` comes from.
    sources: usize,
    /// Who was asked, and whether it took the message. Only kept if there are groups.
    answers: Answers,
}

type Answers = HashMap<u64, bool, FixedState>;

/// One copy of a message, offered to one subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offer<'a, S> {
    /// To whom. Nobody is offered the same message twice.
    pub subscriber: &'a S,
    /// The group on whose behalf; `None` for a plain subscriber.
    pub group: Option<&'a Group>,
    /// Whether nobody else is asked to take this copy: refused, it is lost. Always so for a plain
    /// subscriber.
    pub last: bool,
}

/// What became of the copies of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandedOut {
    /// Copies that were taken.
    pub taken: usize,
    /// Copies that all who were asked refused.
    pub lost: usize,
}

impl HandedOut {
    /// How many copies there were to be had.
    #[must_use]
    pub fn copies(&self) -> usize {
        self.taken + self.lost
    }
}

impl<S> Default for Matches<S> {
    fn default() -> Self {
        Self { plain: Vec::new(), seats: Vec::new(), sources: 0, answers: HashMap::default() }
    }
}

impl<S> Matches<S> {
    /// Without matches. Allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nobody is to be offered anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.seats.is_empty()
    }

    /// Lets go of the subscribers and keeps the room.
    pub fn clear(&mut self) {
        self.plain.clear();
        self.seats.clear();
        self.sources = 0;
        self.answers.clear();
    }

    /// The plain subscribers, in no order.
    pub fn plain(&self) -> impl ExactSizeIterator<Item = &S> {
        self.plain.iter().map(|(_, subscriber)| subscriber)
    }

    /// The groups that have matching members, with these, in no order.
    pub fn groups(&self) -> impl Iterator<Item = (&Group, impl ExactSizeIterator<Item = &S>)> {
        self.seats.chunk_by(same_group).map(|seats| {
            let members = seats.iter().map(|seat| &seat.member.subscriber);
            (&seats[0].member.circle.name, members)
        })
    }

    /// Leaves out those that may not receive, as if they had not subscribed.
    pub fn retain(&mut self, mut may_receive: impl FnMut(&S) -> bool) {
        self.plain.retain(|(_, subscriber)| may_receive(subscriber));
        self.seats.retain(|seat| may_receive(&seat.member.subscriber));
    }

    /// Leaves out whole groups, as if nobody had subscribed in them.
    pub fn skip_groups(&mut self, mut is_served: impl FnMut(&Group) -> bool) {
        self.seats.retain(|seat| !is_served(&seat.member.circle.name));
    }

    /// Offers the message to plain subscribers, then on behalf of each group to its members until
    /// one takes it; see [the rules](crate#who-gets-a-copy). `offer` says whether it was taken.
    ///
    /// Uses the matches up.
    pub fn hand_out(&mut self, mut offer: impl FnMut(Offer<'_, S>) -> bool) -> HandedOut {
        let mut handed = HandedOut::default();
        let mut count = |taken: bool| {
            if taken {
                handed.taken += 1;
            } else {
                handed.lost += 1;
            }
        };
        self.answers.clear();
        for (number, subscriber) in &self.plain {
            let taken = offer(Offer { subscriber, group: None, last: true });
            count(taken);
            if !self.seats.is_empty() {
                self.answers.insert(*number, taken);
            }
        }
        for seats in self.seats.chunk_by_mut(same_group) {
            if let Some(taken) = serve(seats, &mut self.answers, &mut offer) {
                count(taken);
            }
        }
        self.clear();
        handed
    }

    pub(crate) fn collect(&mut self, leaf: &Leaf<S>)
    where
        S: Clone,
    {
        let plain = leaf.plain();
        self.sources += usize::from(plain.len() > 0);
        self.plain.extend(plain.map(|(number, subscriber)| (number, subscriber.clone())));
        self.seats.extend(leaf.members().cloned().map(Seat::new));
    }

    /// Brings what was collected into order.
    pub(crate) fn arrange(&mut self) {
        // Within one leaf each is there once.
        if self.sources > 1 {
            self.plain.sort_unstable_by_key(|(number, _)| *number);
            self.plain.dedup_by_key(|(number, _)| *number);
        }
        if self.seats.len() > 1 {
            self.seats.sort_unstable_by_key(|seat| seat.member.key());
            self.seats.dedup_by_key(|seat| seat.member.key());
        }
    }
}

fn same_group<S>(one: &Seat<S>, other: &Seat<S>) -> bool {
    one.member.circle.number == other.member.circle.number
}

/// Offers one copy to the members of a group until one takes it. `None` if that was not needed, or
/// nobody was left to ask: then there was no copy of the group's own.
fn serve<S>(
    seats: &mut [Seat<S>],
    answers: &mut Answers,
    offer: &mut impl FnMut(Offer<'_, S>) -> bool,
) -> Option<bool> {
    // Members not asked yet come to the front.
    let mut open = 0;
    let mut served = false;
    for at in 0..seats.len() {
        match answers.get(&seats[at].member.number) {
            None => {
                seats.swap(open, at);
                open += 1;
            }
            Some(true) => {
                seats[at].member.had_turn();
                served = true;
            }
            Some(false) => {}
        }
    }
    if served || open == 0 {
        return None;
    }
    let open = &mut seats[..open];
    take_turn(open);
    let mut ask = |member: &Arc<Member<S>>, last| {
        let group = Some(&member.circle.name);
        let taken = offer(Offer { subscriber: &member.subscriber, group, last });
        answers.insert(member.number, taken);
        taken
    };
    let (first, others) = open.split_first_mut()?;
    if ask(&first.member, others.is_empty()) {
        return Some(true);
    }
    line_up(others);
    let mut left = others.len();
    for seat in others {
        left -= 1;
        if ask(&seat.member, left == 0) {
            seat.member.had_turn();
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use castcall_core::{Pattern, Topic};

    use super::*;
    use crate::SubscriptionTable;

    type Table = SubscriptionTable<&'static str>;

    fn table(subscriptions: &[(&str, &str, &'static str)]) -> Table {
        let table = Table::new();
        for (pattern, group, subscriber) in subscriptions {
            let pattern = Pattern::new(pattern).unwrap();
            match Group::new(group) {
                Ok(group) => table.subscribe_group(&pattern, &group, subscriber),
                Err(_) => table.subscribe(&pattern, subscriber),
            };
        }
        table
    }

    /// Who was asked for a message to `a.b`, when all but `full` take it.
    fn asked(table: &Table, full: &[&str]) -> (Vec<&'static str>, HandedOut) {
        let mut matches = Matches::new();
        table.matching(&Topic::new("a.b").unwrap(), &mut matches);
        let mut asked = Vec::new();
        let handed = matches.hand_out(|offer| {
            asked.push(*offer.subscriber);
            !full.contains(offer.subscriber)
        });
        assert!(matches.is_empty());
        (asked, handed)
    }

    fn handed(taken: usize, lost: usize) -> HandedOut {
        HandedOut { taken, lost }
    }

    #[test]
    fn groups_may_be_left_out() {
        let table = table(&[("a.b", "g", "x"), ("a.b", "h", "y"), ("a.b", "", "z")]);
        let mut matches = Matches::new();
        table.matching(&Topic::new("a.b").unwrap(), &mut matches);
        matches.skip_groups(|group| group.as_str() == "g");
        let mut asked = Vec::new();
        matches.hand_out(|offer| {
            asked.push(*offer.subscriber);
            true
        });
        assert_eq!(asked, ["z", "y"]);
    }

    #[test]
    fn one_copy_however_many_patterns() {
        let table = table(&[("a.b", "", "x"), ("a.*", "", "x"), ("*", "", "x"), ("b", "", "y")]);
        assert_eq!(asked(&table, &[]), (vec!["x"], handed(1, 0)));
        assert_eq!(asked(&table, &["x"]), (vec!["x"], handed(0, 1)));
    }

    #[test]
    fn a_group_goes_round_across_patterns() {
        let table = table(&[("a.b", "g", "x"), ("a.*", "g", "y"), ("*", "g", "x")]);
        let firsts: Vec<_> = (0..4).map(|_| asked(&table, &[]).0).collect();
        assert_eq!(firsts, [["x"], ["y"], ["x"], ["y"]]);
    }

    #[test]
    fn the_next_with_room_takes_it() {
        let table = table(&[("a.b", "g", "x"), ("a.b", "g", "y"), ("a.b", "g", "z")]);
        assert_eq!(asked(&table, &["x"]), (vec!["x", "y"], handed(1, 0)));
        assert_eq!(asked(&table, &["x"]), (vec!["z"], handed(1, 0)));
        assert_eq!(asked(&table, &["x", "y"]), (vec!["x", "y", "z"], handed(1, 0)));
        assert_eq!(asked(&table, &["x", "y", "z"]).1, handed(0, 1));
    }

    #[test]
    fn only_the_last_to_be_asked_is_told_so() {
        let table = table(&[("a.b", "g", "x"), ("a.b", "g", "y"), ("a.b", "", "p")]);
        let mut matches = Matches::new();
        table.matching(&Topic::new("a.b").unwrap(), &mut matches);
        let mut last = Vec::new();
        matches.hand_out(|offer| {
            last.push((offer.group.is_some(), offer.last));
            false
        });
        assert_eq!(last, [(false, true), (true, false), (true, true)]);
    }

    #[test]
    fn a_plain_copy_serves_the_group() {
        let table = table(&[("*", "", "x"), ("a.b", "g", "x"), ("a.b", "g", "y")]);
        assert_eq!(asked(&table, &[]), (vec!["x"], handed(1, 0)));
        // Refused, it does not; and who has refused is not asked again.
        assert_eq!(asked(&table, &["x"]), (vec!["x", "y"], handed(1, 1)));
    }

    #[test]
    fn a_copy_for_one_group_serves_another() {
        let table = table(&[("a.b", "g", "x"), ("*", "h", "x"), ("*", "h", "y")]);
        assert_eq!(asked(&table, &[]), (vec!["x"], handed(1, 0)));
        assert_eq!(asked(&table, &["x"]), (vec!["x", "y"], handed(1, 1)));
    }

    #[test]
    fn nobody_left_to_ask_is_no_second_loss() {
        let table = table(&[("*", "", "x"), ("a.b", "g", "x")]);
        assert_eq!(asked(&table, &["x"]), (vec!["x"], handed(0, 1)));
    }

    #[test]
    fn who_may_not_receive_does_not_count() {
        let table = table(&[("*", "", "x"), ("a.b", "g", "x"), ("a.b", "g", "y")]);
        let mut matches = Matches::new();
        table.matching(&Topic::new("a.b").unwrap(), &mut matches);
        assert_eq!(matches.plain().collect::<Vec<_>>(), [&"x"]);
        assert_eq!(matches.groups().map(|(_, members)| members.len()).collect::<Vec<_>>(), [2]);
        matches.retain(|subscriber| *subscriber != "x");
        let handed_out = matches.hand_out(|offer| {
            assert_eq!((*offer.subscriber, offer.last), ("y", true));
            true
        });
        assert_eq!((handed_out, handed_out.copies()), (handed(1, 0), 1));
    }

    #[test]
    fn the_table_may_be_changed_while_handing_out() {
        let table = table(&[("a.b", "", "x")]);
        let pattern = Pattern::new("a.b").unwrap();
        let mut matches = Matches::new();
        table.matching(&Topic::new("a.b").unwrap(), &mut matches);
        matches.hand_out(|offer| {
            assert!(table.subscribe(&pattern, "y"));
            assert!(table.unsubscribe(&pattern, offer.subscriber));
            true
        });
        assert_eq!(asked(&table, &[]).0, ["y"]);
    }
}
