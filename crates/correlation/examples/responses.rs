//! Commands whose responses go elsewhere: to a topic, to an address of one's own; a second answer,
//! a timeout, a cancel. The clock is driven by hand, so nothing here waits.

use std::time::{Duration, Instant};

use castcall_core::{ComponentId, ComponentMessage};
use castcall_correlation::{ResponseManager, ResponseRequired};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let orders: ComponentId = "shop/orders".parse()?;
    let stock: ComponentId = "shop/stock".parse()?;
    let manager = ResponseManager::new();
    let mut now = Instant::now();

    // A command to `stock`, whose answer goes to a topic.
    let command = ComponentMessage::new(orders.clone(), stock.clone(), "reserve three");
    let to_topic = ResponseRequired::new("orders.reserved".parse()?);
    let id = manager.register_response_required_for_at(&orders, &command, to_topic, now)?;
    println!("to {:?}", manager.get_reply_to(id));

    // Your transport brings the answer; the entry says where to send it.
    let answer =
        ComponentMessage::new(stock.clone(), orders.clone(), "done").with_correlation_id(id);
    let (pending, answer) = manager.handle_response_at(answer, None, now)?;
    println!("accepted: {:?} goes to {}", answer.payload, pending.reply_to);
    if let Err(rejected) = manager.handle_response_at(answer, None, now) {
        println!("rejected: {rejected}");
    }

    // Two more, of which one is given up and one gets no answer.
    let to_queue = ResponseRequired::new("amqp://replies/7".parse()?);
    let to_queue = to_queue.within(Duration::from_millis(500));
    let command = ComponentMessage::new(orders.clone(), stock, "reserve four");
    let one =
        manager.register_response_required_for_at(&orders, &command, to_queue.clone(), now)?;
    manager.register_response_required_for_at(&orders, &command, to_queue, now)?;
    now += Duration::from_millis(200);
    for pending in manager.list_pending_for_at(&orders, now) {
        println!("waits: {} for {:?}, {:?} left", pending.reply_to, pending.age, pending.remaining);
    }
    println!("cancelled: {}", manager.cancel_at(one, now));
    println!("{:?}", manager.status());

    now += Duration::from_millis(300);
    manager.expire_at(now, |reply_to, response| {
        println!("timed out: {reply_to} is sent {response:#?}");
    });

    println!("{:#?}", manager.counts());
    Ok(())
}
