//! An order desk that asks a stock peer, and gives up when that takes too long.

use std::time::Duration;

use bytes::Bytes;
use castcall_broker::{Context, Message, NativePeer};
use castcall_core::{ComponentError, RequestError, RequestId};
use castcall_testkit::Simulation;

/// Takes each order over until the stock has answered.
#[derive(Default)]
struct Orders {
    /// The question to the stock, and the token of the order.
    asked: Vec<(RequestId, u64)>,
}

fn failed(error: impl ToString) -> ComponentError {
    ComponentError::failed(1, error.to_string())
}

impl NativePeer for Orders {
    fn handle_message(
        &mut self,
        context: &mut Context,
        order: Message,
    ) -> Result<Bytes, ComponentError> {
        let question = context.send_request("stock", order.payload, 500).map_err(failed)?;
        self.asked.push((question, context.defer().map_err(failed)?));
        Ok(Bytes::new())
    }

    fn handle_callback(
        &mut self,
        context: &mut Context,
        question: RequestId,
        left: Result<Bytes, RequestError>,
    ) -> Result<(), ComponentError> {
        let Some(at) = self.asked.iter().position(|(asked, _)| *asked == question) else {
            return Ok(());
        };
        let (_, order) = self.asked.swap_remove(at);
        let answer = match left {
            Ok(_) => Ok("shipped".into()),
            Err(error) => Err(failed(error)),
        };
        context.reply(order, answer).map_err(failed)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut sim = Simulation::new(42);
    sim.add("orders", Orders::default)?;
    sim.add("stock", || {
        |context: &mut Context, item: Message| match &item.payload[..] {
            b"lamp" => Ok("three"),
            // Never answered.
            _ => context.defer().map(|_| "").map_err(failed),
        }
    })?;

    for item in ["lamp", "unicorn"] {
        let order = sim.call("orders", item, Duration::from_secs(10));
        let outcome = sim.wait(&order);
        println!("{item}: {outcome:?}, {:?} after the start", sim.elapsed());
    }
    Ok(())
}
