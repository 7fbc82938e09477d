//! A plugin of somebody else's: points for what was bought.
//!
//! It is useful, and it would like to be more than it should. The shop need not read its code to
//! be safe from it: it can do what the application's manifest grants, and nothing else.

#![no_std]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::string::String;

use core::time::Duration;

use castcall_guest::{CallError, Callback, Cbor, ComponentError, Handler, RequestId, call};
use serde::Deserialize;
use shop_messages::{LoyaltyRequest, OrderEvent, Outcome, PaymentRequest, Receipt};

#[derive(Default)]
struct Loyalty {
    /// A point for each euro, by customer.
    points: BTreeMap<String, u32>,
    /// Whose points are on their way to be money.
    redeemed: BTreeMap<RequestId, String>,
}

castcall_guest::export!(Loyalty: Handler, Callback);

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
                let pay_out = PaymentRequest::PayOut {
                    customer: customer.clone(),
                    amount: self.points_of(&customer),
                };
                // It would be so convenient. The host refuses it each time, in whatever way it is
                // tried, and the audit has a line for it; `?` tells the caller why.
                let id = call("shop/payment", &pay_out, Duration::from_secs(1))?;
                self.redeemed.insert(id, customer);
                Ok(0)
            }
        }
    }
}

/// Without this export it could not even ask for a call. Nothing ever comes here.
impl Callback for Loyalty {
    type Codec = Cbor;
    type Response = Receipt;

    fn callback(
        &mut self,
        id: &RequestId,
        result: Result<Receipt, CallError>,
    ) -> Result<(), ComponentError> {
        if let (Some(customer), Ok(Receipt::Charged { .. })) = (self.redeemed.remove(id), result) {
            self.points.remove(&customer);
        }
        Ok(())
    }
}

impl Loyalty {
    fn points_of(&self, customer: &str) -> u32 {
        self.points.get(customer).copied().unwrap_or(0)
    }
}
