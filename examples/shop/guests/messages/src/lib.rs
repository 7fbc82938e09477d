//! What the components of the shop say to each other, and the host to them: plain types, in CBOR on
//! the way.
//!
//! Guests and host share this crate. That is convenient, and no more: who writes in another
//! language, or by hand with `castcall call`, writes the same maps.

#![no_std]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::string::String;

use serde::{Deserialize, Serialize};

/// What a customer wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The number of the order.
    pub number: u32,
    /// Whose it is.
    pub customer: String,
    /// What is ordered.
    pub item: String,
    /// How many of it.
    pub quantity: u32,
}

/// What `shop/orders` is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrdersRequest {
    /// To be called: the answer comes when the order has come to its end.
    Place(Order),
    /// The customer has thought better of it.
    Cancel {
        /// Which order.
        number: u32,
    },
}

/// How an order ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It is paid, and on its way.
    Paid {
        /// In euros.
        amount: u32,
    },
    /// There are not so many.
    SoldOut,
    /// The bank says no.
    Declined,
    /// The bank did not say anything in time.
    PaymentTimedOut,
    /// The customer did not want it any more.
    Cancelled,
}

/// Published to `orders.*` when an order has come to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEvent {
    /// Which order.
    pub order: Order,
    /// How it ended.
    pub outcome: Outcome,
}

/// What `shop/stock` is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StockRequest {
    /// Takes so many from the shelf.
    Reserve {
        /// Of what.
        item: String,
        /// How many.
        quantity: u32,
    },
    /// Puts so many back.
    Release {
        /// Of what.
        item: String,
        /// How many.
        quantity: u32,
    },
    /// So many of each were taken before the stock lost its memory.
    Recount(BTreeMap<String, u32>),
    /// Asks how many are on the shelf.
    Count {
        /// Of what.
        item: String,
    },
}

/// What `shop/stock` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StockAnswer {
    /// They are taken from the shelf.
    Reserved {
        /// In how many parcels they will be sent.
        parcels: u32,
    },
    /// There are not so many.
    SoldOut,
    /// So many are on the shelf now.
    Shelf(u32),
}

/// What `shop/payment` is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentRequest {
    /// To be called: the answer comes when the bank has said something.
    Charge {
        /// For which order.
        order: u32,
        /// In euros.
        amount: u32,
    },
    /// The bank's word, which comes when it comes.
    Bank {
        /// On which order.
        order: u32,
        /// Yes or no.
        approved: bool,
    },
    /// Pays money out. Nobody in this shop is granted that.
    PayOut {
        /// To whom.
        customer: String,
        /// In euros.
        amount: u32,
    },
}

/// What `shop/payment` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Receipt {
    /// It is paid.
    Charged {
        /// In euros.
        amount: u32,
    },
    /// The bank says no.
    Declined,
}

/// Published to `payments.refunded`: the bank said yes when nobody waited for it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// For which order.
    pub order: u32,
    /// In euros.
    pub amount: u32,
}

/// Published to `mails.sent`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The customer.
    pub to: String,
    /// What it says.
    pub text: String,
}

/// What `plugins/loyalty` is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoyaltyRequest {
    /// How many points has somebody?
    Points {
        /// Who.
        customer: String,
    },
    /// Turns points into money.
    Redeem {
        /// Whose.
        customer: String,
    },
}

/// The codes of the failures that `shop/orders` answers with: what is no outcome of an order, but
/// something that went wrong in the shop.
pub mod failure {
    /// There is no such order, or it has come to its end.
    pub const NO_SUCH_ORDER: u32 = 10;
    /// The stock crashed over this order.
    pub const STOCK_CRASHED: u32 = 11;
    /// Whoever was needed could not be reached.
    pub const UNAVAILABLE: u32 = 12;
}
