//! Takes orders: asks the stock, then the payment, and answers when it knows.
//!
//! The longest of the shop's guests. It shows how to write down what happens one after the other
//! when nothing ever waits: each step is a call, and its callback says what comes next.

#![no_std]

extern crate alloc;

mod book;
mod rules;

use alloc::format;
use alloc::vec::Vec;

use castcall_guest::{
    Bare, CallError, Callback, Cbor, ComponentError, Config, Handler, RequestError, RequestId,
    Setup, Token, call, cancel, cast, decode, defer, publish, reply,
};
use shop_messages::{
    Order, OrderEvent, OrdersRequest, Outcome, PaymentRequest, Receipt, StockAnswer, StockRequest,
    failure,
};

use book::{Book, Open, Step};
use rules::Rules;

#[derive(Default)]
struct Orders {
    rules: Rules,
    book: Book,
}

castcall_guest::export!(Orders: Setup, Handler, Callback);

impl Setup for Orders {
    fn init(&mut self, config: &Config) -> Result<(), ComponentError> {
        self.rules = Rules::read(config)?;
        Ok(())
    }
}

impl Handler for Orders {
    type Codec = Cbor;
    type Request = OrdersRequest;
    type Response = Outcome;

    fn handle(&mut self, _: &str, request: OrdersRequest) -> Result<Outcome, ComponentError> {
        match request {
            OrdersRequest::Place(order) => self.place(order),
            OrdersRequest::Cancel { number } => self.cancel(number),
        }
    }
}

impl Callback for Orders {
    // Stock and payment answer with types of their own: each answer is decoded where it is known
    // whose it is.
    type Codec = Bare;
    type Response = Vec<u8>;

    fn callback(
        &mut self,
        id: &RequestId,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), ComponentError> {
        let Some(open) = self.book.take(id) else { return Ok(()) };
        match open.step {
            Step::Stock => self.stock_says(open, result)?,
            Step::Payment { amount } => self.payment_says(open, amount, result),
        }
        Ok(())
    }
}

impl Orders {
    fn place(&mut self, order: Order) -> Result<Outcome, ComponentError> {
        if self.rules.price(&order.item).is_none() {
            return Err(ComponentError::invalid("expected something that the shop sells"));
        }
        // Nothing can be answered yet: the call is taken over, and answered from a callback.
        let customer = defer()
            .map_err(|_| ComponentError::invalid("expected a call: who casts gets no answer"))?;
        let Order { item, quantity, .. } = order.clone();
        match call("shop/stock", &StockRequest::Reserve { item, quantity }, self.rules.stock) {
            Ok(id) => self.book.wait_for(id, Open { order, customer, step: Step::Stock }),
            Err(refused) => fail(customer, failure::UNAVAILABLE, &refused),
        }
        // Nobody hears this, since the call was taken over.
        Ok(Outcome::Cancelled)
    }

    /// The customer cancels: so do we. What the cancelled call leaves to be done is done in its
    /// callback, which comes as any other does.
    fn cancel(&mut self, number: u32) -> Result<Outcome, ComponentError> {
        match self.book.payment_of(number).map(cancel) {
            Some(Ok(())) => Ok(Outcome::Cancelled),
            // It has come to its end a moment ago: the customer is told so there.
            None | Some(Err(_)) => {
                Err(ComponentError::failed(failure::NO_SUCH_ORDER, "nothing to be cancelled"))
            }
        }
    }

    fn stock_says(
        &mut self,
        open: Open,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), ComponentError> {
        match result.and_then(|answer| Ok(decode(&answer)?)) {
            Ok(StockAnswer::Reserved { .. }) => self.charge(open),
            Ok(_) => close(open, Outcome::SoldOut),
            Err(CallError::Request(RequestError::Crashed(how))) => {
                fail(open.customer, failure::STOCK_CRASHED, &format!("the stock crashed: {how}"));
                // It will be back with fresh memory. What one component casts to another arrives
                // in order, so that it knows this before it is asked for anything else.
                cast("shop/stock", &StockRequest::Recount(self.book.taken().clone()))?;
            }
            Err(error) => fail(open.customer, failure::UNAVAILABLE, &error),
        }
        Ok(())
    }

    fn charge(&mut self, mut open: Open) {
        let Order { number, item, quantity, .. } = open.order.clone();
        self.book.takes(&item, quantity);
        let amount = self.rules.price(&item).unwrap_or(0).saturating_mul(quantity);
        let charge = PaymentRequest::Charge { order: number, amount };
        match call("shop/payment", &charge, self.rules.payment) {
            Ok(id) => {
                open.step = Step::Payment { amount };
                self.book.wait_for(id, open);
            }
            Err(refused) => {
                self.put_back(&open.order);
                fail(open.customer, failure::UNAVAILABLE, &refused);
            }
        }
    }

    fn payment_says(&mut self, open: Open, amount: u32, result: Result<Vec<u8>, CallError>) {
        let outcome = match result.and_then(|answer| Ok(decode(&answer)?)) {
            Ok(Receipt::Charged { .. }) => Outcome::Paid { amount },
            Ok(Receipt::Declined) => Outcome::Declined,
            // A timeout does not say that it was not done: should the bank agree after all, the
            // payment finds that nobody waits, and refunds.
            Err(CallError::Request(RequestError::Timeout)) => Outcome::PaymentTimedOut,
            Err(CallError::Request(RequestError::Cancelled)) => Outcome::Cancelled,
            Err(error) => {
                self.put_back(&open.order);
                fail(open.customer, failure::UNAVAILABLE, &error);
                return;
            }
        };
        if outcome != (Outcome::Paid { amount }) {
            self.put_back(&open.order);
        }
        close(open, outcome);
    }

    /// A cast: there is nothing to be done about it if the stock does not hear it.
    fn put_back(&mut self, Order { item, quantity, .. }: &Order) {
        self.book.gives_back(item, *quantity);
        let release = StockRequest::Release { item: item.clone(), quantity: *quantity };
        let _ = cast("shop/stock", &release);
    }
}

/// An order has come to its end: whoever wants to know hears of it, and the customer does.
fn close(open: Open, outcome: Outcome) {
    let topic = match outcome {
        Outcome::Paid { .. } => "orders.paid",
        Outcome::Cancelled => "orders.cancelled",
        _ => "orders.failed",
    };
    // Who listens, and whether anybody does, is no concern of ours.
    let _ = publish(topic, &OrderEvent { order: open.order, outcome: outcome.clone() });
    // The customer may have gone meanwhile.
    let _ = reply(open.customer, Ok(&outcome));
}

/// Something went wrong in the shop itself.
fn fail(customer: Token, code: u32, why: &impl core::fmt::Display) {
    let _ = reply::<Outcome>(customer, Err(ComponentError::failed(code, format!("{why}"))));
}
