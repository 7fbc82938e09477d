//! Who gets what is published: the subscription table of castcall.
//!
//! A [`SubscriptionTable`] holds subscriptions to topic patterns, plain or as members of queue
//! groups, of subscribers of any kind: an id, a number, an `Arc` of a mailbox. A publisher asks
//! it for what matches a topic, into a [`Matches`] of its own, and has that
//! [hand out](Matches::hand_out) the message.
//!
//! ```
//! use castcall_core::{InvalidTopic, Pattern, Topic};
//! use castcall_topics::{Matches, SubscriptionTable};
//!
//! let table = SubscriptionTable::new();
//! table.subscribe(&"orders.*".parse::<Pattern>()?, "audit");
//! table.subscribe(&"orders.eu.*".parse::<Pattern>()?, "audit");
//! table.subscribe(&"orders.us.*".parse::<Pattern>()?, "new-york");
//!
//! let mut matches = Matches::new();
//! table.matching(&"orders.eu.created".parse::<Topic>()?, &mut matches);
//! let mut got = Vec::new();
//! let handed = matches.hand_out(|offer| {
//!     got.push(*offer.subscriber);
//!     true
//! });
//! assert_eq!(got, ["audit"]);
//! assert_eq!(handed.taken, 1);
//! # Ok::<(), InvalidTopic>(())
//! ```
//!
//! # Who gets a copy
//!
//! 1. Every plain subscriber of a matching pattern is offered the message once, however many of
//!    its patterns match.
//! 2. A queue group is its **name**, across patterns, as in NATS: its members for a message are
//!    all who subscribed under that name to any pattern that matches.
//! 3. A group is served once one of its members has the message, *for whatever reason*: as a plain
//!    subscriber, or for another group. A receiver cannot tell why it got a copy and would do the
//!    group's work with it; a second member would do it again.
//! 4. A group not yet served is offered to its members one by one, who has waited longest first,
//!    until one takes it. Nobody who has refused the message is asked again.
//!
//! So nobody gets two copies, and no group with room is left without one. More than one member of
//! a group has a copy only if they are plain subscribers too, or if groups overlap in such a way
//! that the first choice for one does not serve the other.

mod group;
mod leaf;
mod matches;
mod member;
mod registry;
mod roster;
mod table;
mod trie;

pub use group::{Group, InvalidGroup};
pub use matches::{HandedOut, Matches, Offer};
pub use table::SubscriptionTable;
