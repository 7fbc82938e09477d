//! A request, its answer, and an error, as data.

use castcall_core::{ComponentId, RequestError, RequestMessage, ResponseMessage};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let orders: ComponentId = "shop/orders".parse()?;
    let stock: ComponentId = "shop/stock".parse()?;

    let request = RequestMessage::new(orders, stock, "how many left?", 500);
    println!("request   {}", serde_json::to_string(&request)?);

    let answer = ResponseMessage::success(&request, "three");
    println!("answer    {}", serde_json::to_string(&answer)?);

    let timeout = ResponseMessage::error(&request, RequestError::Timeout);
    println!("no answer {}", serde_json::to_string(&timeout)?);

    if let Err(error) = "shop//stock".parse::<ComponentId>() {
        println!("refused   {error}");
    }
    Ok(())
}
