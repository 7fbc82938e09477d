//! Records of what happens often: of fixed size, without a pointer.

use std::marker::PhantomData;

use castcall_core::{RequestId, Timestamp};

use crate::name::{NOBODY, Name};
use crate::why::Why;

macro_rules! named {
    ($(#[$all:meta])* $type:ident { $($(#[$doc:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$all])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum $type {
            $($(#[$doc])* $name,)*
        }

        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            const TEXTS: &'static [&'static str] = &[$($text,)*];

            /// The name that it has in a record.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                Self::TEXTS[self as usize]
            }
        }
    };
}

pub(crate) use named;

named! {
    /// What has happened, of what happens often: see `docs/audit.md` for what each should say.
    Kind {
        /// A message was accepted.
        Send = "send",
        /// A handler, or a callback, is entered with it.
        Delivery = "delivery",
        /// A call ended: [`Record::why`] says how.
        CallEnd = "call-end",
        /// A handler of a cast, or a callback, returned an error.
        HandlerError = "handler-error",
        /// A cast or published message became a dead letter.
        DeadLetter = "dead-letter",
        /// A component subscribed.
        Subscribe = "subscribe",
        /// A subscription ended.
        Unsubscribe = "unsubscribe",
        /// A component cancelled a call of its own.
        Cancel = "cancel",
    }
}

named! {
    /// What was done, or tried.
    What {
        /// A cast.
        Cast = "cast",
        /// A call.
        Call = "call",
        /// A publish, or one subscriber's copy of it.
        Publish = "publish",
        /// The callback of a call.
        Callback = "callback",
        /// A subscription.
        Subscribe = "subscribe",
        /// The end of a subscription.
        Unsubscribe = "unsubscribe",
        /// A cancel.
        Cancel = "cancel",
    }
}

/// The byte that stands for nothing said.
const NOTHING: u8 = u8::MAX;
/// No unsigned varint is so large: they have 63 bits.
const NO_CODEC: u64 = u64::MAX;
const NO_SIZE: u32 = u32::MAX;

/// A record as it waits in a queue. Numbers instead of `Option`s, so that it has 72 bytes.
#[derive(Clone, Copy)]
pub(crate) struct Event {
    at: u64,
    request: [u64; 2],
    trace: [u64; 2],
    codec: u64,
    pub(crate) who: u32,
    pub(crate) whom: u32,
    pub(crate) topic: u32,
    size: u32,
    kind: u8,
    what: u8,
    why: u8,
}

impl Event {
    /// So many records found no room here.
    pub(crate) fn dropped(at: u64, count: u64) -> Self {
        let mut event = Self::new(NOTHING, at, NOBODY);
        event.request[0] = count;
        event
    }

    #[inline]
    fn new(kind: u8, at: u64, who: u32) -> Self {
        Self {
            at,
            request: [0; 2],
            trace: [0; 2],
            codec: NO_CODEC,
            who,
            whom: NOBODY,
            topic: NOBODY,
            size: NO_SIZE,
            kind,
            what: NOTHING,
            why: NOTHING,
        }
    }

    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// What has happened; `Err`: how many records were dropped here.
    pub(crate) fn kind(&self) -> Result<Kind, u64> {
        Kind::ALL.get(usize::from(self.kind)).copied().ok_or(self.request[0])
    }

    pub(crate) fn what(&self) -> Option<What> {
        What::ALL.get(usize::from(self.what)).copied()
    }

    pub(crate) fn why(&self) -> Option<Why> {
        Why::ALL.get(usize::from(self.why)).copied()
    }

    pub(crate) fn about(&self) -> About {
        About {
            codec: (self.codec != NO_CODEC).then_some(self.codec),
            size: (self.size != NO_SIZE).then_some(self.size),
            request: join(self.request),
            trace: join(self.trace),
        }
    }
}

fn join([high, low]: [u64; 2]) -> Option<u128> {
    let number = u128::from(high) << 64 | u128::from(low);
    (number != 0).then_some(number)
}

#[inline]
fn split(number: u128) -> [u64; 2] {
    #[allow(clippy::cast_possible_truncation, reason = "each half by itself")]
    [(number >> 64) as u64, number as u64]
}

/// What is known of a message besides its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct About {
    pub(crate) codec: Option<u64>,
    pub(crate) size: Option<u32>,
    pub(crate) request: Option<u128>,
    pub(crate) trace: Option<u128>,
}

/// One record of what happens often, for [`Audit::record`](crate::Audit::record). Making it
/// allocates nothing; names outlive it by the borrow.
///
/// ```
/// use castcall_audit::{Audit, Kind, Record, What};
/// use castcall_core::{ComponentId, Timestamp};
///
/// let audit = Audit::off();
/// let orders = audit.name(&ComponentId::new("shop/orders")?);
/// let stock = audit.name(&ComponentId::new("shop/stock")?);
/// if audit.is_on() {
///     let record = Record::new(Kind::Send, Timestamp::now(), &orders)
///         .what(What::Cast)
///         .whom(&stock)
///         .codec(0x51)
///         .size(64);
///     audit.record(record);
/// }
/// # Ok::<(), castcall_core::InvalidComponentId>(())
/// ```
#[derive(Clone, Copy)]
#[must_use]
pub struct Record<'a> {
    pub(crate) event: Event,
    /// The audit that all names are of.
    pub(crate) audit: u32,
    /// A name is of another.
    pub(crate) mixed: bool,
    names: PhantomData<&'a Name>,
}

impl<'a> Record<'a> {
    /// Who did what, and when. A coarse clock is enough.
    #[inline]
    pub fn new(kind: Kind, at: Timestamp, who: &'a Name) -> Self {
        let event = Event::new(kind as u8, at.as_unix_nanos(), who.index);
        Self { event, audit: who.audit, mixed: false, names: PhantomData }
    }

    /// What was done.
    #[inline]
    pub fn what(mut self, what: What) -> Self {
        self.event.what = what as u8;
        self
    }

    /// To whom: a component; for a subscription, the group.
    #[inline]
    pub fn whom(mut self, whom: &'a Name) -> Self {
        self.event.whom = self.index(whom);
        self
    }

    /// The topic of what was published; for a subscription, its pattern.
    #[inline]
    pub fn topic(mut self, topic: &'a Name) -> Self {
        self.event.topic = self.index(topic);
        self
    }

    #[inline]
    fn index(&mut self, name: &Name) -> u32 {
        self.mixed |= name.audit != self.audit;
        name.index
    }

    /// Why, or how it ended.
    #[inline]
    pub fn why(mut self, why: impl Into<Why>) -> Self {
        self.event.why = why.into() as u8;
        self
    }

    /// The multicodec code of the payload; those have at most 63 bits.
    #[inline]
    pub fn codec(mut self, codec: impl Into<Option<u64>>) -> Self {
        self.event.codec = codec.into().unwrap_or(NO_CODEC);
        self
    }

    /// The length of the payload in bytes. 4 GiB and more are recorded as one less than that.
    #[inline]
    pub fn size(mut self, bytes: usize) -> Self {
        self.event.size = small(bytes);
        self
    }

    /// The call that it belongs to.
    #[inline]
    pub fn request_id(mut self, id: impl Into<Option<RequestId>>) -> Self {
        self.event.request = id.into().map_or([0; 2], |id| split(id.as_u128()));
        self
    }

    /// The trace that it belongs to: [`TraceContext::trace_id`](castcall_core::TraceContext).
    #[inline]
    pub fn trace_id(mut self, id: impl Into<Option<[u8; 16]>>) -> Self {
        self.event.trace = id.into().map_or([0; 2], |id| split(u128::from_be_bytes(id)));
        self
    }
}

impl std::fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("kind", &self.event.kind())
            .field("at", &self.event.at)
            .finish_non_exhaustive()
    }
}

/// A length as records have it.
#[inline]
pub(crate) fn small(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).min(NO_SIZE - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_keeps_what_it_was_told() {
        let id = RequestId::new();
        let record = Record::new(Kind::Delivery, Timestamp::from_unix_nanos(7), &Name::NONE)
            .what(What::Call)
            .why(Why::Timeout)
            .codec(0)
            .size(usize::MAX)
            .request_id(id)
            .trace_id([9; 16]);
        let event = record.event;
        assert_eq!((event.kind(), event.at()), (Ok(Kind::Delivery), 7));
        assert_eq!((event.what(), event.why()), (Some(What::Call), Some(Why::Timeout)));
        let about = event.about();
        assert_eq!((about.codec, about.size), (Some(0), Some(u32::MAX - 1)));
        assert_eq!(about.request, Some(id.as_u128()));
        assert_eq!(about.trace, Some(u128::from_be_bytes([9; 16])));
        assert!(format!("{record:?}").contains("Delivery"));
    }

    #[test]
    fn what_was_not_said_is_not_there() {
        let event = Record::new(Kind::Send, Timestamp::from_unix_nanos(7), &Name::NONE)
            .codec(None)
            .request_id(None)
            .trace_id(None)
            .event;
        assert_eq!((event.what(), event.why()), (None, None));
        assert_eq!(event.about(), About::default());
        assert_eq!(Event::dropped(1, 5).kind(), Err(5));
        assert_eq!(size_of::<Event>(), 72);
    }

    #[test]
    fn names_in_records() {
        let kinds: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!((kinds[0], *kinds.last().unwrap()), ("send", "cancel"));
        assert_eq!(What::Callback.as_str(), "callback");
    }
}
