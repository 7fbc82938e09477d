//! Knows what is on the shelf.
//!
//! It has a bug, on purpose, that an odd order brings to light. What follows is what castcall does
//! about crashes: who asked hears of it, the rest of the shop goes on, and this guest begins anew.

#![no_std]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use castcall_guest::{Cbor, ComponentError, Config, Handler, Setup};
use shop_messages::{StockAnswer, StockRequest};

/// So many pieces go into one parcel.
const PER_PARCEL: u32 = 4;

#[derive(Default)]
struct Stock {
    /// What the manifest says that there is.
    morning: BTreeMap<String, u32>,
    /// What is there now. In memory, and gone with it after a crash.
    shelf: BTreeMap<String, u32>,
}

castcall_guest::export!(Stock: Setup, Handler);

impl Setup for Stock {
    fn init(&mut self, config: &Config) -> Result<(), ComponentError> {
        for (item, _) in config.iter() {
            let count = config.parse(item, "how many there are")?.unwrap_or(0);
            self.morning.insert(item.into(), count);
        }
        self.shelf = self.morning.clone();
        Ok(())
    }
}

impl Handler for Stock {
    type Codec = Cbor;
    type Request = StockRequest;
    type Response = StockAnswer;

    fn handle(&mut self, _: &str, request: StockRequest) -> Result<StockAnswer, ComponentError> {
        match request {
            StockRequest::Reserve { item, quantity } => self.reserve(&item, quantity),
            StockRequest::Release { item, quantity } => {
                let left = self.left(&item)?;
                *left += quantity;
                Ok(StockAnswer::Shelf(*left))
            }
            StockRequest::Recount(taken) => {
                self.shelf = self.morning.clone();
                for (item, taken) in taken {
                    let left = self.left(&item)?;
                    *left = left.saturating_sub(taken);
                }
                Ok(StockAnswer::Shelf(self.shelf.values().sum()))
            }
            StockRequest::Count { item } => Ok(StockAnswer::Shelf(*self.left(&item)?)),
        }
    }
}

impl Stock {
    fn reserve(&mut self, item: &str, quantity: u32) -> Result<StockAnswer, ComponentError> {
        // BUG: nobody thought of an order of 0 pieces. Rust's overflow check turns it into a panic,
        // and WebAssembly that into a trap.
        let parcels = (quantity - 1) / PER_PARCEL + 1;
        let left = self.left(item)?;
        if *left < quantity {
            return Ok(StockAnswer::SoldOut);
        }
        *left -= quantity;
        Ok(StockAnswer::Reserved { parcels })
    }

    fn left(&mut self, item: &str) -> Result<&mut u32, ComponentError> {
        let unknown = || ComponentError::invalid(format!("expected an item, not {item}"));
        self.shelf.get_mut(item).ok_or_else(unknown)
    }
}
