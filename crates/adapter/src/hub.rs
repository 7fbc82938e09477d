//! Systems of one process, linked.

use std::fmt;
use std::sync::{Arc, Weak};

use castcall_core::{CorrelationId, MessagingError};
use parking_lot::Mutex;

use crate::{Adapter, Destination, Endpoint, Parcel, Refused, Reply};

/// Links systems of one process: tenants that are kept apart but for their messages, or the hosts
/// of a test. Each takes an adapter of its own from [`Hub::adapter`].
///
/// A parcel is delivered on the thread that sends it, before `send` returns. An id that several
/// systems have means the one that was attached first.
#[derive(Clone, Default)]
pub struct Hub {
    members: Arc<Mutex<Vec<Member>>>,
}

#[derive(Clone)]
struct Member {
    number: u64,
    endpoint: Arc<dyn Endpoint>,
}

/// One system's place at a [`Hub`].
pub struct HubAdapter {
    number: Mutex<Option<u64>>,
    members: Weak<Mutex<Vec<Member>>>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("systems", &self.systems()).finish_non_exhaustive()
    }
}

impl fmt::Debug for HubAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubAdapter").field("number", &*self.number.lock()).finish_non_exhaustive()
    }
}

impl Hub {
    /// Makes a hub without systems.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A place for one more system, which takes it when the adapter is attached. The hub must be
    /// kept: the adapter does not keep it alive.
    #[must_use]
    pub fn adapter(&self) -> HubAdapter {
        HubAdapter { number: Mutex::new(None), members: Arc::downgrade(&self.members) }
    }

    /// How many systems are attached.
    #[must_use]
    pub fn systems(&self) -> usize {
        self.members.lock().len()
    }
}

impl HubAdapter {
    /// The other systems. Not under the lock: they may send in turn.
    fn others(&self) -> Vec<Arc<dyn Endpoint>> {
        let Some(members) = self.members.upgrade() else { return Vec::new() };
        let own = *self.number.lock();
        let members = members.lock();
        let others = members.iter().filter(|member| Some(member.number) != own);
        others.map(|member| Arc::clone(&member.endpoint)).collect()
    }
}

impl Adapter for HubAdapter {
    fn attach(&self, system: Arc<dyn Endpoint>) {
        let Some(members) = self.members.upgrade() else { return };
        let mut members = members.lock();
        let number = members.last().map_or(0, |last| last.number + 1);
        *self.number.lock() = Some(number);
        members.push(Member { number, endpoint: system });
    }

    fn detach(&self) {
        let number = self.number.lock().take();
        if let (Some(members), Some(number)) = (self.members.upgrade(), number) {
            members.lock().retain(|member| member.number != number);
        }
    }

    fn send(&self, parcel: Parcel, reply: Option<Reply>) -> Result<(), Refused> {
        if let Destination::Component(target) = &parcel.to
            && let Some(there) = self.others().into_iter().find(|other| other.knows(target))
        {
            return there.deliver(parcel, reply);
        }
        Err(Refused { error: MessagingError::ComponentNotFound, payload: parcel.payload })
    }

    fn publish(&self, mut parcel: Parcel) -> u32 {
        let others = self.others();
        others.iter().fold(0, |sum: u32, other| sum.saturating_add(other.publish(&mut parcel)))
    }

    fn cancel(&self, call: CorrelationId) {
        for other in self.others() {
            other.cancel(call);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use bytes::Bytes;
    use castcall_core::{ComponentId, RequestError, Timestamp, Topic};

    use super::*;
    use crate::{Call, refusal_as_end};

    /// A system with one component.
    struct Fake {
        id: ComponentId,
        got: Mutex<Vec<Parcel>>,
        cancelled: AtomicU32,
    }

    impl Fake {
        fn new(id: &str) -> Arc<Self> {
            let id = ComponentId::new(id).unwrap();
            Arc::new(Self { id, got: Mutex::default(), cancelled: AtomicU32::new(0) })
        }
    }

    impl Endpoint for Fake {
        fn knows(&self, component: &ComponentId) -> bool {
            *component == self.id
        }

        fn deliver(&self, parcel: Parcel, reply: Option<Reply>) -> Result<(), Refused> {
            if let Some(reply) = reply {
                reply(Ok(parcel.payload.clone()));
            }
            self.got.lock().push(parcel);
            Ok(())
        }

        fn publish(&self, parcel: &mut Parcel) -> u32 {
            self.got.lock().push(parcel.clone());
            parcel.served_groups.push(self.id.as_str().into());
            1
        }

        fn cancel(&self, _call: CorrelationId) {
            self.cancelled.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn parcel(to: Destination) -> Parcel {
        Parcel {
            from: ComponentId::new("sender").unwrap(),
            to,
            payload: Bytes::from_static(b"hello"),
            codec: None,
            sent: Timestamp::from_unix_nanos(1),
            call: Some(Call { id: CorrelationId::new(), remaining: Duration::from_secs(1) }),
            trace: None,
            served_groups: Vec::new(),
        }
    }

    fn to(id: &str) -> Parcel {
        parcel(Destination::Component(ComponentId::new(id).unwrap()))
    }

    #[test]
    fn parcels_go_to_who_knows_the_target_and_never_back() {
        let hub = Hub::new();
        let (one, two) = (Fake::new("a"), Fake::new("b"));
        let (first, second) = (hub.adapter(), hub.adapter());
        first.attach(one.clone());
        second.attach(two.clone());
        assert_eq!(
            format!("{hub:?} {first:?}"),
            "Hub { systems: 2, .. } HubAdapter { number: Some(0), .. }"
        );

        let (answer, answered) = std::sync::mpsc::channel();
        first.send(to("b"), Some(Box::new(move |result| answer.send(result).unwrap()))).unwrap();
        assert_eq!(answered.recv().unwrap(), Ok(Bytes::from_static(b"hello")));
        assert_eq!(two.got.lock().len(), 1);

        let refused = first.send(to("a"), None).unwrap_err();
        assert_eq!(
            (refused.error, &refused.payload[..]),
            (MessagingError::ComponentNotFound, &b"hello"[..])
        );
        let topic = Destination::Topic(Topic::new("t").unwrap());
        assert!(first.send(parcel(topic), None).is_err(), "topics are published");
        first.cancel(CorrelationId::new());
        assert_eq!(
            (one.cancelled.load(Ordering::Relaxed), two.cancelled.load(Ordering::Relaxed)),
            (0, 1)
        );
    }

    #[test]
    fn who_comes_later_is_told_which_groups_are_served() {
        let hub = Hub::new();
        let fakes = ["a", "b", "c"].map(Fake::new);
        let adapters = [(); 3].map(|()| hub.adapter());
        for (adapter, fake) in adapters.iter().zip(&fakes) {
            adapter.attach(fake.clone());
        }
        let topic = Destination::Topic(Topic::new("t").unwrap());
        assert_eq!(adapters[0].publish(parcel(topic)), 2);
        assert_eq!(fakes[0].got.lock().len(), 0);
        assert_eq!(&*fakes[2].got.lock()[0].served_groups[0], "b");
    }

    #[test]
    fn who_has_left_is_not_reached_and_numbers_do_not_clash() {
        let hub = Hub::new();
        let adapters = [(); 3].map(|()| hub.adapter());
        let fakes = ["a", "b", "c"].map(Fake::new);
        adapters[0].attach(fakes[0].clone());
        adapters[1].attach(fakes[1].clone());
        adapters[0].detach();
        adapters[0].detach();
        assert!(adapters[1].send(to("a"), None).is_err());
        adapters[2].attach(fakes[2].clone());
        assert_eq!(hub.systems(), 2);
        assert!(adapters[1].send(to("c"), None).is_ok());
        drop(hub);
        assert!(adapters[1].send(to("c"), None).is_err(), "the hub is gone");
        hub_less(&adapters[1]);
    }

    fn hub_less(adapter: &HubAdapter) {
        adapter.attach(Fake::new("z"));
        adapter.detach();
        assert_eq!(adapter.publish(to("z")), 0);
    }

    #[test]
    fn a_refusal_is_an_end_of_a_call() {
        let id = ComponentId::new("x").unwrap();
        let end = |error| refusal_as_end(&error, &id);
        assert_eq!(
            end(MessagingError::ComponentNotFound),
            RequestError::ComponentNotFound(id.clone())
        );
        assert_eq!(end(MessagingError::MailboxFull), RequestError::Dropped);
        assert_eq!(end(MessagingError::ShuttingDown), RequestError::Unavailable);
        assert!(matches!(end(MessagingError::InvalidMessage), RequestError::InvalidPayload(_)));
    }
}
