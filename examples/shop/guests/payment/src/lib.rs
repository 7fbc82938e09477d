//! Charges customers, once their bank agrees.
//!
//! What the bank says comes when it comes, as a message of its own. Until then the call that asked
//! for the money stays open: its token lies here, and nothing waits.

#![no_std]

extern crate alloc;

use alloc::collections::BTreeMap;

use castcall_guest::{
    Cbor, ComponentError, Config, Handler, ReplyError, Setup, Token, defer, publish, reply,
};
use shop_messages::{PaymentRequest, Receipt, Refund};

#[derive(Default)]
struct Payment {
    /// Up to so much, the bank is not asked.
    without_bank: u32,
    /// The calls that wait for the bank, by order.
    waiting: BTreeMap<u32, Charge>,
}

struct Charge {
    caller: Token,
    amount: u32,
}

castcall_guest::export!(Payment: Setup, Handler);

impl Setup for Payment {
    fn init(&mut self, config: &Config) -> Result<(), ComponentError> {
        self.without_bank = config.parse("without-bank", "an amount in euros")?.unwrap_or(0);
        Ok(())
    }
}

impl Handler for Payment {
    type Codec = Cbor;
    type Request = PaymentRequest;
    type Response = Receipt;

    // Who may ask this at all is the matter of the application's manifest: it grants the orders a
    // call, and nobody else anything.
    fn handle(&mut self, _: &str, request: PaymentRequest) -> Result<Receipt, ComponentError> {
        match request {
            PaymentRequest::Charge { amount, .. } if amount <= self.without_bank => {
                Ok(Receipt::Charged { amount })
            }
            PaymentRequest::Charge { order, amount } => {
                let caller = defer().map_err(|_| ComponentError::invalid("expected a call"))?;
                self.waiting.insert(order, Charge { caller, amount });
                // Nobody hears this: the answer is what the bank says.
                Ok(Receipt::Declined)
            }
            PaymentRequest::Bank { order, approved } => self.bank_says(order, approved),
            PaymentRequest::PayOut { amount, .. } => {
                publish("payments.paid-out", &amount)?;
                Ok(Receipt::Charged { amount })
            }
        }
    }
}

impl Payment {
    fn bank_says(&mut self, order: u32, approved: bool) -> Result<Receipt, ComponentError> {
        let Some(Charge { caller, amount }) = self.waiting.remove(&order) else {
            return Err(ComponentError::invalid("expected an order that waits for the bank"));
        };
        let receipt = if approved { Receipt::Charged { amount } } else { Receipt::Declined };
        match reply(caller, Ok(&receipt)) {
            // Too late: the call has timed out, or was cancelled. So the money goes back, and who
            // keeps the accounts can read of it.
            Err(ReplyError::CallEnded) if approved => {
                publish("payments.refunded", &Refund { order, amount })?;
            }
            // And if the bank has refused, there is nothing more to be done about it.
            Ok(()) | Err(_) => {}
        }
        Ok(receipt)
    }
}

/// Off WebAssembly there is a host for tests, which keeps what the guest asks for:
/// `cargo test` in `examples/shop/guests`.
#[cfg(test)]
mod tests {
    use castcall_guest::mock::{self, Message, Sent};
    use castcall_guest::{decode, encode};

    use super::*;

    fn charge(payment: &mut Payment, amount: u32) -> Receipt {
        mock::set_message(Message { request_id: Some("1".into()), ..Message::default() });
        let charge = encode(&PaymentRequest::Charge { order: 7, amount }).unwrap();
        decode(&mock::handle(payment, "shop/orders", &charge).unwrap()).unwrap()
    }

    #[test]
    fn small_amounts_are_charged_at_once() {
        let mut payment = Payment { without_bank: 100, ..Payment::default() };
        assert_eq!(charge(&mut payment, 100), Receipt::Charged { amount: 100 });
        assert_eq!(mock::take_sent(), []);
    }

    #[test]
    fn others_wait_for_the_bank() {
        let mut payment = Payment { without_bank: 100, ..Payment::default() };
        charge(&mut payment, 101);
        assert_eq!(mock::take_sent(), [Sent::Defer { token: 1 }]);
        let word = encode(&PaymentRequest::Bank { order: 7, approved: true }).unwrap();
        mock::handle(&mut payment, "host", &word).unwrap();
        let answer = Ok(encode(&Receipt::Charged { amount: 101 }).unwrap());
        assert_eq!(mock::take_sent(), [Sent::Reply { token: 1, answer }]);
        // Once.
        mock::handle(&mut payment, "host", &word).unwrap_err();
    }
}
