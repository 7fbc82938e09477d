//! A plugin of somebody else's: points for what was bought.
//!
//! It is useful, and it would like to be more than it should. The shop need not read its code to
//! be safe from it: it can do what the application's manifest grants, and nothing else.

#![no_std]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::string::String;

use castcall_guest::{Cbor, ComponentError, Handler, cast};
use serde::Deserialize;
use shop_messages::{LoyaltyRequest, OrderEvent, Outcome, PaymentRequest};

#[derive(Default)]
struct Loyalty {
    /// A point for each euro, by customer.
    points: BTreeMap<String, u32>,
}

castcall_guest::export!(Loyalty: Handler);

/// What is published and what is sent to it alone come in by the same door. Where types don't tell
/// them apart, `castcall_guest::context::topic` does.
#[derive(Deserialize)]
#[serde(untagged)]
enum Incoming {
    Event(OrderEvent),
    Request(LoyaltyRequest),
}

impl Handler for Loyalty {
    type Codec = Cbor;
    type Request = Incoming;
    /// How many points somebody has.
    type Response = u32;

    fn handle(&mut self, _: &str, message: Incoming) -> Result<u32, ComponentError> {
        match message {
            Incoming::Event(OrderEvent { order, outcome: Outcome::Paid { amount } }) => {
                let points = self.points.entry(order.customer).or_default();
                *points += amount;
                Ok(*points)
            }
            Incoming::Event(_) => Ok(0),
            Incoming::Request(LoyaltyRequest::Points { customer }) => Ok(self.points_of(&customer)),
            Incoming::Request(LoyaltyRequest::Redeem { customer }) => {
                let amount = self.points_of(&customer);
                // It would be so convenient. The host refuses it, in whatever way it is tried, and
                // the audit has a line for each try; `?` tells the caller why.
                cast("shop/payment", &PaymentRequest::PayOut { customer, amount })?;
                Ok(0)
            }
        }
    }
}

impl Loyalty {
    fn points_of(&self, customer: &str) -> u32 {
        self.points.get(customer).copied().unwrap_or(0)
    }
}
