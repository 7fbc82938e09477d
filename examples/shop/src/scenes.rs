//! What happens on this day. Each scene does something, waits for what comes of it, and looks
//! whether that is what should.

use std::time::Instant;

use anyhow::{Result, bail, ensure};
use castcall::{CallError, PeerState, RequestError};
use shop_messages::{LoyaltyRequest, Mail, OrderEvent, Outcome, Refund, failure};

use crate::shop::{PAYMENT_TIMEOUT, Shop};

/// Says so if a value is what it should be, and ends the day if it is not.
macro_rules! expect {
    ($shop:expr, $what:expr, $value:expr, $pattern:pat $(if $guard:expr)?) => {
        match $value {
            $pattern $(if $guard)? => $shop.check(&$what)?,
            other => bail!("expected: {}; what came instead: {other:?}", $what),
        }
    };
}

pub(crate) async fn all(shop: &mut Shop<'_>) -> Result<()> {
    paid_at_once(shop).await?;
    the_bank_agrees(shop).await?;
    the_bank_is_late(shop).await?;
    the_customer_cancels(shop).await?;
    a_plugin_wants_more(shop).await?;
    the_stock_crashes(shop).await?;
    the_accounts(shop).await
}

/// Calls, and a topic.
async fn paid_at_once(shop: &mut Shop<'_>) -> Result<()> {
    shop.scene("Ada orders two chairs: a call, which brings about others, and an event")?;
    let outcome = shop.place(1, "ada", 2, "chair")?.await?;
    let mail: Mail = shop.desk.next("mails.sent").await?;
    let event: OrderEvent = shop.desk.next("orders.paid").await?;
    shop.happens(&[("kind", "delivery"), ("whom", "plugins/loyalty")]).await?;
    expect!(
        shop,
        "Ada's call is answered: paid, 90 EUR",
        outcome,
        Ok(Outcome::Paid { amount: 90 })
    );
    expect!(shop, "the desk has read the event", event.order.number, 1);
    expect!(shop, format!("mail to {}: {}", mail.to, mail.text), &*mail.to, "ada");
    Ok(())
}

/// A reply that is deferred until somebody outside has said something, by a cast.
async fn the_bank_agrees(shop: &mut Shop<'_>) -> Result<()> {
    shop.scene("Grace orders a table, and the payment waits for her bank: a deferred reply")?;
    let order = shop.place(2, "grace", 1, "table")?;
    shop.happens(&[("kind", "delivery"), ("what", "call"), ("whom", "shop/payment")]).await?;
    shop.bank_says(2, true)?;
    let outcome = order.await?;
    let mail: Mail = shop.desk.next("mails.sent").await?;
    expect!(
        shop,
        "paid, 240 EUR, once the bank had agreed",
        outcome,
        Ok(Outcome::Paid { amount: 240 })
    );
    expect!(shop, format!("mail to {}: {}", mail.to, mail.text), &*mail.to, "grace");
    Ok(())
}

/// A timeout, and what it does not say.
async fn the_bank_is_late(shop: &mut Shop<'_>) -> Result<()> {
    shop.scene("Alan orders two tables, and his bank takes too long: a timeout")?;
    let began = Instant::now();
    let outcome = shop.place(3, "alan", 2, "table")?.await?;
    let took = began.elapsed();
    let mail: Mail = shop.desk.next("mails.sent").await?;
    let late = format!("his order ended after {PAYMENT_TIMEOUT:?}, and not sooner");
    expect!(shop, late, outcome, Ok(Outcome::PaymentTimedOut) if took >= PAYMENT_TIMEOUT);
    expect!(shop, format!("mail to {}: {}", mail.to, mail.text), &*mail.to, "alan");
    shop.bank_says(3, true)?;
    let refund: Refund = shop.desk.next("payments.refunded").await?;
    expect!(
        shop,
        "the bank agreed too late: nobody waited, and 480 EUR were refunded",
        refund,
        Refund { order: 3, amount: 480 }
    );
    expect!(shop, "the tables are back on the shelf", shop.shelf("table").await?, 4);
    Ok(())
}

/// A cancel: a call that was made is called off, and its callback still comes.
async fn the_customer_cancels(shop: &mut Shop<'_>) -> Result<()> {
    shop.scene("Edsger orders a table and cancels while the payment is pending")?;
    let order = shop.place(4, "edsger", 1, "table")?;
    shop.happens(&[("kind", "delivery"), ("what", "call"), ("whom", "shop/payment")]).await?;
    shop.cancel(4)?;
    let outcome = order.await?;
    let mail: Mail = shop.desk.next("mails.sent").await?;
    expect!(shop, "his order ended as cancelled, at once", outcome, Ok(Outcome::Cancelled));
    expect!(shop, format!("mail to {}: {}", mail.to, mail.text), &*mail.to, "edsger");
    expect!(shop, "the table is back on the shelf", shop.shelf("table").await?, 4);
    Ok(())
}

/// A send that is denied: what a component asks for in its manifest is not what it is granted.
async fn a_plugin_wants_more(shop: &mut Shop<'_>) -> Result<()> {
    shop.scene("The loyalty plugin wants to pay Ada out by itself: a call is denied")?;
    let customer = || "ada".to_owned();
    let points: u32 =
        shop.call("plugins/loyalty", &LoyaltyRequest::Points { customer: customer() })?.await??;
    expect!(shop, "it may listen: Ada has 90 points", points, 90);
    let redeemed = shop
        .call::<_, u32>("plugins/loyalty", &LoyaltyRequest::Redeem { customer: customer() })?
        .await?;
    let Err(CallError::Failed(RequestError::ProcessingFailed { message, .. })) = &redeemed else {
        bail!("the plugin redeemed points: {redeemed:?}")
    };
    let why = message.split(':').next().unwrap_or_default();
    expect!(shop, format!("it may not call, and is told why: {why}"), why, "capability-denied");
    let denial = [("kind", "denial"), ("who", "plugins/loyalty"), ("whom", "shop/payment")];
    let denial = shop.happens(&denial).await?;
    expect!(shop, "the audit has a line for it", denial.get("why"), "capability-denied");
    expect!(shop, "no money has left the shop", shop.desk.has("payments.paid-out"), false);
    Ok(())
}

/// A crash, what who asked is told, and a restart.
async fn the_stock_crashes(shop: &mut Shop<'_>) -> Result<()> {
    shop.scene("Somebody orders no chair at all, and the stock crashes over it: a restart")?;
    let before = shop.component("shop/stock")?.incarnation();
    let odd = shop.place(5, "mallory", 0, "chair")?.await?;
    // Not waiting for the stock: what comes while it is away waits in its mailbox.
    let next = shop.place(6, "ada", 2, "chair")?;
    let Err(CallError::Failed(RequestError::ProcessingFailed { code, message })) = odd else {
        bail!("an order of no chair ended as {odd:?}")
    };
    expect!(
        shop,
        format!("who ordered it is told, with a code: {message}"),
        code,
        failure::STOCK_CRASHED
    );
    let outcome = next.await?;
    let mail: Mail = shop.desk.next("mails.sent").await?;
    let restart = shop.happens(&[("kind", "restart"), ("whom", "shop/stock")]).await?;
    expect!(shop, "the supervisor has restarted it, after a pause", restart.get("why"), "trap");
    ensure!(shop.component("shop/stock")?.incarnation() > before, "it is the same instance");
    expect!(shop, "the next order is paid", outcome, Ok(Outcome::Paid { amount: 90 }));
    expect!(shop, format!("mail to {}: {}", mail.to, mail.text), &*mail.to, "ada");
    expect!(
        shop,
        "fresh memory, and nothing forgotten: 16 of 20 chairs are left",
        shop.shelf("chair").await?,
        16
    );
    Ok(())
}

/// Each call has had exactly one end.
async fn the_accounts(shop: &mut Shop<'_>) -> Result<()> {
    shop.scene("The accounts of the day")?;
    let calls = shop.system().calls();
    let text = format!(
        "{} calls: {} answered, {} timed out, {} cancelled, {} ended by a crash; each ended once",
        calls.registered, calls.completed, calls.timed_out, calls.cancelled, calls.target_gone,
    );
    let ends = calls.completed + calls.timed_out + calls.cancelled + calls.target_gone;
    expect!(shop, text, (calls.pending, ends), (0, ends) if ends == calls.registered);
    for component in shop.system().components() {
        ensure!(component.state() == PeerState::Running, "{} is not running", component.id());
    }
    shop.check("five components and the desk are running")
}
