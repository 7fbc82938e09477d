//! Two peers: an answer, a timeout, and a stranger who tries to cancel. The clock is driven by
//! hand, so nothing here waits.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use castcall_core::{ComponentId, RequestMessage, ResponseMessage};
use castcall_correlation::{CorrelationTracker, PendingRequest};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let orders: ComponentId = "shop/orders".parse()?;
    let stock: ComponentId = "shop/stock".parse()?;
    let stranger: ComponentId = "stranger".parse()?;

    let tracker = CorrelationTracker::new();
    let (sink, outcomes) = mpsc::channel();
    let mut now = Instant::now();

    // An answer.
    let request = RequestMessage::new(orders.clone(), stock.clone(), "how many left?", 500);
    tracker.register_pending(PendingRequest::for_request_at(&request, sink.clone(), now))?;
    now += Duration::from_millis(20);
    tracker.resolve_at(ResponseMessage::success(&request, "three"), now)?;
    println!("answered:  {:?}", outcomes.try_recv()?.result);

    // A stranger cannot cancel; then the time runs out, and the answer comes too late.
    let request = RequestMessage::new(orders.clone(), stock.clone(), "and now?", 500);
    let id = request.correlation_id;
    tracker.register_pending(PendingRequest::for_request_at(&request, sink.clone(), now))?;
    println!("stranger:  {:?}", tracker.cancel_at(id, &stranger, now));
    now += Duration::from_millis(499);
    println!("at 499 ms: {} expired", tracker.cleanup_expired_at(now));
    now += Duration::from_millis(1);
    println!("at 500 ms: {} expired", tracker.cleanup_expired_at(now));
    println!("timed out: {:?}", outcomes.try_recv()?.result);
    let late = ResponseMessage::success(&request, "two");
    if let Err(error) = tracker.resolve_at(late, now) {
        println!("late:      {error}");
    }

    // The owner can.
    let request = RequestMessage::new(orders.clone(), stock, "never mind", 500);
    tracker.register_pending(PendingRequest::for_request_at(&request, sink, now))?;
    tracker.cancel_at(request.correlation_id, &orders, now)?;
    println!("cancelled: {:?}", outcomes.try_recv()?.result);

    println!("{:#?}", tracker.counts());
    Ok(())
}
