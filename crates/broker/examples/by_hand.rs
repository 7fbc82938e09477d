//! Two native peers, without threads: a queue is the scheduler, `main` is the worker, and time
//! passes when it says so. A cast, a call answered, a call that times out.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use castcall_broker::{
    Broker, BrokerConfig, Clock, Context, Handlers, ManualClock, Message, NativePeer, PeerConfig,
    Ready, Scheduler, native_factory,
};
use castcall_core::{ComponentError, ComponentId, RequestError, RequestId};

/// Whoever has something to do waits here.
#[derive(Default)]
struct Queue(Mutex<VecDeque<Ready>>);

impl Scheduler for Queue {
    fn schedule(&self, ready: Ready) {
        self.0.lock().unwrap().push_back(ready);
    }

    /// Nothing to do: `main` asks what is due whenever it moves the clock.
    fn alarm(&self) {}
}

impl Queue {
    /// Gives everybody their turns until nobody has anything to do.
    fn run(&self) {
        loop {
            let Some(ready) = self.0.lock().unwrap().pop_front() else { return };
            if let Some(again) = ready.run() {
                self.schedule(again);
            }
        }
    }
}

/// Asks the stock for what it is told to, and prints what comes back.
struct Orders;

impl NativePeer for Orders {
    fn handle_message(
        &mut self,
        context: &mut Context,
        message: Message,
    ) -> Result<Bytes, ComponentError> {
        let answer = context.send_request("shop/stock", message.payload, 500);
        println!("orders: asked the stock, {answer:?}");
        Ok(Bytes::new())
    }

    fn handle_callback(
        &mut self,
        _context: &mut Context,
        request_id: RequestId,
        result: Result<Bytes, RequestError>,
    ) -> Result<(), ComponentError> {
        println!("orders: callback for {request_id}: {result:?}");
        Ok(())
    }
}

/// Answers at once, unless it is asked for tea: then it takes the call over, and forgets it.
fn stock(context: &mut Context, message: Message) -> Result<&'static str, ComponentError> {
    println!("stock:  {} asks for {:?}", message.sender, message.payload);
    match &message.payload[..] {
        b"tea" => {
            let token = context.defer();
            println!("stock:  will answer later, {token:?}");
            Ok("")
        }
        b"coffee" => Ok("three bags"),
        _ => Err(ComponentError::InvalidPayload("we have coffee and tea".into())),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let clock = ManualClock::new();
    let queue = Arc::new(Queue::default());
    let mut config = BrokerConfig::default();
    config.clock = Clock::Manual(clock.clone());
    let broker = Broker::new(config, queue.clone());

    let both = Handlers { receives: true, calls_back: true };
    let add = |id: &str, factory| {
        broker.add(id.parse()?, PeerConfig::default(), both, factory)?;
        Ok::<_, Box<dyn Error>>(())
    };
    add("shop/orders", native_factory(|| Orders))?;
    add("shop/stock", native_factory(|| stock))?;
    let host = broker.add_program(ComponentId::host())?;
    queue.run();

    for wish in ["coffee", "cake", "tea"] {
        println!("\nhost:   {wish}, please");
        host.cast("shop/orders", wish)?;
        queue.run();
    }

    println!("\nexpire: next at {:?}", broker.expire().map(|due| due - clock.now()));
    clock.advance(Duration::from_millis(499));
    broker.expire();
    queue.run();
    println!("clock:  499 ms, {} pending", broker.calls().pending);
    clock.advance(Duration::from_millis(1));
    broker.expire();
    queue.run();
    println!("clock:  500 ms, {} pending", broker.calls().pending);
    broker.abort();
    Ok(())
}
