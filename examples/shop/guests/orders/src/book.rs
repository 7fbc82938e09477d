//! What is remembered from one message to the next.

use alloc::collections::BTreeMap;
use alloc::string::String;

use castcall_guest::{RequestId, Token};
use shop_messages::Order;

/// An order that has not come to its end.
pub(crate) struct Open {
    pub(crate) order: Order,
    /// The customer's call, which was taken over.
    pub(crate) customer: Token,
    pub(crate) step: Step,
}

/// Whose answer it waits for.
pub(crate) enum Step {
    Stock,
    Payment { amount: u32 },
}

#[derive(Default)]
pub(crate) struct Book {
    /// By the call that each waits for: a callback brings its id, and each has exactly one.
    open: BTreeMap<RequestId, Open>,
    /// How many of each item have left the shelf, and were not put back.
    taken: BTreeMap<String, u32>,
}

impl Book {
    pub(crate) fn wait_for(&mut self, id: RequestId, open: Open) {
        self.open.insert(id, open);
    }

    /// The order that waited for this call.
    pub(crate) fn take(&mut self, id: &RequestId) -> Option<Open> {
        self.open.remove(id)
    }

    /// The call to the payment that an order waits for.
    pub(crate) fn payment_of(&self, number: u32) -> Option<&RequestId> {
        let waits =
            |open: &Open| open.order.number == number && matches!(open.step, Step::Payment { .. });
        self.open.iter().find(|(_, open)| waits(open)).map(|(id, _)| id)
    }

    pub(crate) fn takes(&mut self, item: &str, quantity: u32) {
        *self.taken.entry(item.into()).or_default() += quantity;
    }

    pub(crate) fn gives_back(&mut self, item: &str, quantity: u32) {
        if let Some(taken) = self.taken.get_mut(item) {
            *taken = taken.saturating_sub(quantity);
        }
    }

    pub(crate) fn taken(&self) -> &BTreeMap<String, u32> {
        &self.taken
    }
}
