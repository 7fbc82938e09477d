//! A subscriber's seat in a queue group, and whose turn it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::group::Group;

/// What the members of a group share.
#[derive(Debug)]
pub(crate) struct Circle {
    /// Never given twice by one table.
    pub(crate) number: u64,
    pub(crate) name: Group,
    /// How many turns were taken.
    turns: AtomicU64,
}

impl Circle {
    pub(crate) fn new(number: u64, name: Group) -> Self {
        Self { number, name, turns: AtomicU64::new(0) }
    }
}

/// One subscriber in one group, whatever patterns it joined with: turns go by member.
///
/// A pointer into a list of members would be simpler than a date for each, but members differ
/// from topic to topic, and with a pointer the mix of topics could keep one from ever having a
/// turn.
#[derive(Debug)]
pub(crate) struct Member<S> {
    /// The subscriber's number in the table.
    pub(crate) number: u64,
    pub(crate) subscriber: S,
    pub(crate) circle: Arc<Circle>,
    /// The turn it had last; 0 for none yet.
    last: AtomicU64,
}

impl<S> Member<S> {
    pub(crate) fn new(number: u64, subscriber: S, circle: Arc<Circle>) -> Self {
        Self { number, subscriber, circle, last: AtomicU64::new(0) }
    }

    /// Groups one by one, and in each the members in a fixed order.
    pub(crate) fn key(&self) -> (u64, u64) {
        (self.circle.number, self.number)
    }

    pub(crate) fn last_turn(&self) -> u64 {
        // `Relaxed` here and below: turns order nothing but themselves.
        self.last.load(Ordering::Relaxed)
    }

    /// Puts the member at the end of the line.
    pub(crate) fn had_turn(&self) {
        self.last.store(self.next_turn(), Ordering::Relaxed);
    }

    /// The same, unless it has had a turn since the one `seen`: then, that newer one.
    fn claim(&self, seen: u64) -> Result<(), u64> {
        let turn = self.next_turn();
        match self.last.compare_exchange(seen, turn, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(newer) => Err(newer),
        }
    }

    fn next_turn(&self) -> u64 {
        self.circle.turns.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// A member that a message may be offered to.
#[derive(Debug)]
pub(crate) struct Seat<S> {
    pub(crate) member: Arc<Member<S>>,
    /// A copy: sorting by what other threads change would be no order.
    turn: u64,
}

impl<S> Seat<S> {
    pub(crate) fn new(member: Arc<Member<S>>) -> Self {
        Self { member, turn: 0 }
    }

    fn order(&self) -> (u64, u64) {
        (self.turn, self.member.number)
    }
}

/// Brings the member who has waited longest to the front and takes its turn.
///
/// Publishers that run at once get different members, if there are enough.
pub(crate) fn take_turn<S>(seats: &mut [Seat<S>]) {
    for seat in &mut *seats {
        seat.turn = seat.member.last_turn();
    }
    while let Some((at, first)) = seats.iter_mut().enumerate().min_by_key(|(_, seat)| seat.order())
    {
        match first.member.claim(first.turn) {
            Ok(()) => {
                seats.swap(0, at);
                return;
            }
            Err(newer) => first.turn = newer,
        }
    }
}

/// Puts those who come after the first into the order of their turns.
pub(crate) fn line_up<S>(others: &mut [Seat<S>]) {
    others.sort_unstable_by_key(Seat::order);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(count: u64) -> Vec<Seat<u64>> {
        let circle = Arc::new(Circle::new(0, Group::new("g").unwrap()));
        (0..count).map(|n| Seat::new(Arc::new(Member::new(n, n, circle.clone())))).collect()
    }

    #[test]
    fn turns_go_round() {
        let mut seats = seats(3);
        let firsts: Vec<_> = (0..7)
            .map(|_| {
                take_turn(&mut seats);
                seats[0].member.number
            })
            .collect();
        assert_eq!(firsts, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn one_who_stood_in_waits() {
        let mut seats = seats(3);
        take_turn(&mut seats);
        line_up(&mut seats[1..]);
        assert_eq!(seats[1].member.number, 1);
        seats[1].member.had_turn();
        take_turn(&mut seats);
        assert_eq!(seats[0].member.number, 2);
    }

    #[test]
    fn no_mix_of_topics_starves_a_member() {
        let mut all = seats(4);
        let mut pairs = all.split_off(2);
        let mut had = [0; 4];
        for _ in 0..10 {
            for seats in [&mut all, &mut pairs] {
                take_turn(seats);
                had[seats[0].member.number as usize] += 1;
            }
        }
        assert_eq!(had, [5; 4]);
    }

    #[test]
    fn a_turn_taken_meanwhile_is_not_taken_again() {
        let seats = seats(1);
        let member = &seats[0].member;
        member.had_turn();
        assert_eq!(member.claim(0), Err(1));
        assert_eq!(member.claim(1), Ok(()));
    }

    #[test]
    fn nobody_has_no_turn() {
        take_turn::<u64>(&mut []);
    }
}
