//! Writes mails about what has happened.
//!
//! Nobody sends it anything: its manifest subscribes it to `orders.*`, and who publishes there does
//! not know of it. A shop without mails is this component less, and no other line changed.

#![no_std]

extern crate alloc;

use alloc::format;

use castcall_guest::{Cbor, ComponentError, Handler, publish};
use shop_messages::{Mail, Order, OrderEvent, Outcome};

#[derive(Default)]
struct Notify;

castcall_guest::export!(Notify: Handler);

impl Handler for Notify {
    type Codec = Cbor;
    type Request = OrderEvent;
    // What is published has no answer.
    type Response = ();

    fn handle(&mut self, _: &str, event: OrderEvent) -> Result<(), ComponentError> {
        let Order { number, customer, item, quantity } = event.order;
        let what = match event.outcome {
            Outcome::Paid { amount } => format!("is paid ({amount} EUR) and on its way"),
            Outcome::SoldOut => "can't be met: there are not so many".into(),
            Outcome::Declined => "was not paid: the bank said no".into(),
            Outcome::PaymentTimedOut => "was not paid in time; nothing was charged".into(),
            Outcome::Cancelled => "is cancelled, as you wished".into(),
        };
        let text = format!("your order {number}, {quantity} x {item}, {what}");
        // In a real shop: a call to who speaks SMTP.
        publish("mails.sent", &Mail { to: customer, text })?;
        Ok(())
    }
}
