use castcall_core as core;

use super::*;

fn text<T: std::fmt::Debug>(from: impl Into<T>) -> String {
    format!("{:?}", from.into())
}

#[test]
fn a_guest_s_failure_comes_out_as_it_was() {
    let error = ComponentError::InvalidPayload("expected JSON".into());
    let expected = core::ComponentError::InvalidPayload("expected JSON".into());
    assert_eq!(core::ComponentError::from(error), expected);
    let error = ComponentError::Failed(Failure { code: 7, message: "no stock".into() });
    let expected = core::ComponentError::Failed { code: 7, message: "no stock".into() };
    assert_eq!(core::ComponentError::from(error), expected);
}

#[test]
fn a_long_text_is_cut_between_two_characters() {
    assert_eq!(cut("e".repeat(MAX_TEXT)), "e".repeat(MAX_TEXT));
    assert_eq!(cut("e".repeat(MAX_TEXT + 1)), "e".repeat(MAX_TEXT) + "…");
    // Three bytes each, and no multiple of three is 4,096.
    let cut = cut("€".repeat(MAX_TEXT));
    assert_eq!(cut, "€".repeat(MAX_TEXT / 3) + "…");
    assert!(cut.capacity() < 2 * MAX_TEXT);
}

#[test]
fn the_end_of_a_call_goes_in_as_it_is() {
    use core::RequestError as E;
    let id = "shop/orders".parse().unwrap();
    let failed = E::ProcessingFailed { code: 7, message: "no stock".into() };
    let all = [
        (E::Timeout, "Timeout"),
        (E::Cancelled, "Cancelled"),
        (E::ComponentNotFound(id), r#"ComponentNotFound("shop/orders")"#),
        (E::Unavailable, "Unavailable"),
        (E::Crashed(core::CrashCode::Trap), "Crashed(Trap)"),
        (E::Crashed(core::CrashCode::StackOverflow), "Crashed(StackOverflow)"),
        (E::Crashed(core::CrashCode::MemoryLimit), "Crashed(MemoryLimit)"),
        (E::Crashed(core::CrashCode::ExecutionLimit), "Crashed(ExecutionLimit)"),
        (E::Crashed(core::CrashCode::Panic), "Crashed(Panic)"),
        (E::Dropped, "Dropped"),
        (E::InvalidPayload("expected JSON".into()), r#"InvalidPayload("expected JSON")"#),
        (failed, r#"ProcessingFailed(Failure { code: 7, message: "no stock" })"#),
    ];
    for (error, expected) in all {
        assert_eq!(text::<RequestError>(error), expected);
    }
}

#[test]
fn a_refusal_goes_in_as_it_is() {
    use core::MessagingError as E;
    let (orders, stock) = ("shop/orders".parse().unwrap(), "shop/stock".parse().unwrap());
    let mut mismatch = core::CodecMismatch::new(orders, stock);
    mismatch.codec = Some("json".into());
    mismatch.accepts = vec!["cbor".into(), "borsh".into()];
    mismatch.preferred = Some("cbor".into());
    let not_accepted = r#"CodecNotAccepted(CodecMismatch { sender: "shop/orders", target: "shop/stock", codec: Some("json"), accepts: ["cbor", "borsh"], preferred: Some("cbor") })"#;
    let quota = "QuotaExceeded(QuotaExceeded { retry_after_ms: 20 })";
    let all = [
        (E::ComponentNotFound, "ComponentNotFound"),
        (E::CannotReceive, "CannotReceive"),
        (E::NoCallbackHandler, "NoCallbackHandler"),
        (E::CapabilityDenied, "CapabilityDenied"),
        (E::QuotaExceeded { retry_after_ms: 20 }, quota),
        (E::MailboxFull, "MailboxFull"),
        (E::PayloadTooLarge { limit: 9 }, "PayloadTooLarge(PayloadTooLarge { limit: 9 })"),
        (E::InvalidMessage, "InvalidMessage"),
        (E::CodecNotAccepted(Box::new(mismatch)), not_accepted),
        (E::InvalidTimeout, "InvalidTimeout"),
        (E::TooManyPending, "TooManyPending"),
        (E::InvalidTopic, "InvalidTopic"),
        (E::ShuttingDown, "ShuttingDown"),
    ];
    for (error, expected) in all {
        assert_eq!(text::<MessagingError>(error), expected);
    }
}

#[test]
fn small_refusals_go_in_as_they_are() {
    assert_eq!(text::<CancelError>(core::CancelError::NotFound), "NotFound");
    assert_eq!(text::<CancelError>(core::CancelError::NotOwner), "NotOwner");
    assert_eq!(text::<DeferError>(broker::DeferError::NotACall), "NotACall");
    assert_eq!(text::<DeferError>(broker::DeferError::AlreadyDeferred), "AlreadyDeferred");
    assert_eq!(text::<ReplyError>(broker::ReplyError::UnknownToken), "UnknownToken");
    assert_eq!(text::<ReplyError>(broker::ReplyError::CallEnded), "CallEnded");
}

#[test]
fn each_figure_of_usage_keeps_its_place() {
    let mut usage = broker::Usage::default();
    usage.mailbox_messages = 1;
    usage.mailbox_messages_limit = 2;
    usage.mailbox_bytes = 3;
    usage.mailbox_bytes_limit = 4;
    usage.pending_requests = 5;
    usage.pending_requests_limit = 6;
    usage.payload_bytes_limit = 7;
    usage.subscriptions = 8;
    usage.subscriptions_limit = 9;
    let mut rate = broker::MessageRate::default();
    (rate.messages_per_second, rate.burst, rate.messages_left) = (10, 11, 12);
    usage.message_rate = Some(rate);
    // The fields have the same names on both sides.
    let expected = format!("{usage:?}").replacen("Usage", "UsageReport", 1);
    assert_eq!(text::<UsageReport>(usage), expected);
}
