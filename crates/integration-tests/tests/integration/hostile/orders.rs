//! What an `attacker` can be ordered, and what it says then. The orders are explained at the top
//! of `fixtures/wat/attacker.wat`.

use castcall::{CallError, ComponentError, RequestError};
use castcall_integration_tests::{PATIENCE, Stage};

/// An order.
pub(super) fn order(what: char, first: impl AsRef<[u8]>, rest: impl AsRef<[u8]>) -> Vec<u8> {
    let first = first.as_ref();
    let length = u16::try_from(first.len()).expect("a short field");
    let mut order = vec![u8::try_from(what).expect("an ASCII letter")];
    order.extend(length.to_le_bytes());
    order.extend(first);
    order.extend(rest.as_ref());
    order
}

/// An order without fields.
pub(super) fn plain(what: char) -> Vec<u8> {
    order(what, "", "")
}

/// An order with a number.
pub(super) fn sized(what: char, size: usize) -> Vec<u8> {
    order(what, "", size.to_string())
}

/// Obeys an order so often.
pub(super) fn repeat(times: usize, inner: impl AsRef<[u8]>) -> Vec<u8> {
    order('r', times.to_string(), inner)
}

/// Obeys one order after the other.
pub(super) fn both(one: impl AsRef<[u8]>, other: impl AsRef<[u8]>) -> Vec<u8> {
    order('&', one, other)
}

/// Obeys the order at each callback.
pub(super) fn at_callbacks(inner: impl AsRef<[u8]>) -> Vec<u8> {
    order('a', "c", inner)
}

/// Obeys the order in `shutdown`.
pub(super) fn at_shutdown(inner: impl AsRef<[u8]>) -> Vec<u8> {
    order('a', "s", inner)
}

/// The cases of `messaging-error`, in order.
const MESSAGING_ERRORS: [&str; 13] = [
    "component-not-found",
    "cannot-receive",
    "no-callback-handler",
    "capability-denied",
    "quota-exceeded",
    "mailbox-full",
    "payload-too-large",
    "invalid-message",
    "codec-not-accepted",
    "invalid-timeout",
    "too-many-pending",
    "invalid-topic",
    "shutting-down",
];

/// How many sends of a series went through, how many were refused, and the last refusal: its name,
/// and what it carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Series {
    pub(super) sent: u64,
    pub(super) refused: u64,
    pub(super) last: &'static str,
    pub(super) value: u64,
}

/// Somebody who is given orders.
#[derive(Clone)]
pub(super) struct Attacker {
    pub(super) stage: Stage,
    pub(super) id: String,
}

impl Attacker {
    /// What it answers.
    pub(super) async fn try_obey(&self, order: Vec<u8>) -> Result<String, CallError> {
        let answer = self.stage.call(&self.id, order, PATIENCE).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// What it answers; it must.
    pub(super) async fn obey(&self, order: Vec<u8>) -> String {
        let answer = self.try_obey(order.clone()).await;
        answer.unwrap_or_else(|error| {
            panic!("{} was ordered {:?}: {error:?}", self.id, String::from_utf8_lossy(&order))
        })
    }

    /// How it ended.
    pub(super) async fn ends(&self, order: Vec<u8>) -> CallError {
        self.try_obey(order).await.expect_err("an order that ends it")
    }

    /// How a send of its went: what it got, or the name of why not.
    pub(super) async fn sends(&self, order: Vec<u8>) -> Result<String, &'static str> {
        let answer = self.obey(order).await;
        match answer.strip_prefix("no ") {
            None => Ok(answer.strip_prefix("ok ").expect("a report").to_owned()),
            Some(refusal) => Err(MESSAGING_ERRORS[number(refusal, 0)]),
        }
    }

    /// How a cancel, or a reply to a token, went.
    pub(super) async fn ends_call(&self, order: Vec<u8>, cases: [&'static str; 2]) -> &'static str {
        let answer = self.obey(order).await;
        answer.strip_prefix("no ").map_or("ok", |refusal| cases[number(refusal, 0)])
    }

    /// How a cancel of that id went.
    pub(super) async fn cancels(&self, id: impl AsRef<[u8]>) -> &'static str {
        self.ends_call(order('x', id, ""), ["not-found", "not-owner"]).await
    }

    /// How a reply to that token went.
    pub(super) async fn replies(&self, token: u64, answer: &str) -> &'static str {
        let cases = ["unknown-token", "call-ended"];
        self.ends_call(order('t', token.to_string(), answer), cases).await
    }

    /// How a series of sends went.
    pub(super) async fn series(&self, times: usize, inner: Vec<u8>) -> Series {
        series(&self.obey(repeat(times, inner)).await)
    }
}

fn number(text: &str, index: usize) -> usize {
    let word = text.split(' ').nth(index);
    word.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("a number: {text:?}"))
}

/// What the answer to a `repeat` says.
pub(super) fn series(answer: &str) -> Series {
    let at = |index| number(answer, index) as u64;
    Series { sent: at(0), refused: at(1), last: MESSAGING_ERRORS[number(answer, 2)], value: at(3) }
}

/// What `failed` and `invalid-payload` say to who called.
pub(super) fn failure(error: CallError) -> ComponentError {
    match error {
        CallError::Failed(RequestError::ProcessingFailed { code, message }) => {
            ComponentError::Failed { code, message }
        }
        CallError::Failed(RequestError::InvalidPayload(why)) => ComponentError::InvalidPayload(why),
        other => panic!("no error of its handler: {other:?}"),
    }
}
