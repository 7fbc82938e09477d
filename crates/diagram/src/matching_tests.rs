use super::*;
use crate::Recording;
use crate::testing::Lines;

fn casts(recording: &Recording) -> Vec<(Option<Step>, Option<Step>, Option<Step>)> {
    let casts = recording.items.iter().filter_map(|item| match item {
        Item::Cast(cast) => Some((cast.sent, cast.delivered, cast.bad.map(|bad| bad.step))),
        _ => None,
    });
    casts.collect()
}

/// Of each publish, who got it and when.
fn copies(recording: &Recording) -> Vec<Vec<(&str, Option<Step>)>> {
    let publishes = recording.items.iter().filter_map(|item| match item {
        Item::Publish(publish) => Some(publish),
        _ => None,
    });
    let copies = publishes.map(|publish| {
        publish.copies.iter().map(|copy| (recording.text(copy.whom), copy.delivered)).collect()
    });
    copies.collect()
}

fn calls(recording: &Recording) -> Vec<&Call> {
    let calls = recording.items.iter().filter_map(|item| match item {
        Item::Call(call) => Some(call),
        _ => None,
    });
    calls.collect()
}

#[test]
fn casts_are_matched_in_order_and_by_size() {
    let recording = Lines::default()
        .short("send cast a b size=1")
        .short("send cast a b size=2")
        .short("send cast a c size=1")
        .short("delivery cast a c size=1")
        .short("delivery cast a b size=2")
        .short("delivery cast a b size=1")
        .short("delivery cast a b size=9")
        .read();
    assert_eq!(
        casts(&recording),
        [
            (Some(0), Some(5), None),
            (Some(1), Some(4), None),
            (Some(2), Some(3), None),
            (None, Some(6), None),
        ]
    );
}

#[test]
fn a_call_has_all_its_records() {
    let recording = Lines::default()
        .short("send call a b one size=10 codec=81 trace_id=t")
        .short("send call a b two")
        .short("delivery call a b one size=10")
        .short("cancel cancel a b two")
        .short("call-end - a b one why=answered size=3")
        .short("call-end - ? b two why=cancelled")
        .short("delivery callback a a one size=3")
        .short("handler-error callback a a why=failed")
        .read();
    let [one, two] = calls(&recording)[..] else { panic!("{:?}", recording.items) };
    assert_eq!((one.sent, one.delivered, one.callback), (Some(0), Some(2), Some(6)));
    assert_eq!(one.end.map(|end| (end.step, end.payload.size)), Some((4, Some(3))));
    assert_eq!((one.payload.size, one.payload.codec), (Some(10), Some(81)));
    assert_eq!(one.bad.map(|bad| (bad.step, bad.dead)), Some((7, false)));
    assert_eq!(recording.text(one.trace), "t");
    assert_eq!((two.delivered, two.cancelled), (None, Some(3)));
    assert_eq!(recording.text(two.who), "a");
    assert_eq!(recording.text(two.end.unwrap().why), "cancelled");
    assert_eq!(recording.components().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn what_began_before_the_recording() {
    let recording = Lines::default()
        .short("call-end - ? b one why=answered")
        .short("delivery callback c c two")
        .short("delivery publish a t b")
        .short("delivery publish a t b")
        .read();
    let [one, two] = calls(&recording)[..] else { panic!("{:?}", recording.items) };
    assert_eq!((one.who, recording.text(one.whom)), (None, "b"));
    assert_eq!((recording.text(two.who), two.whom, two.callback), ("c", None, Some(1)));
    assert_eq!(copies(&recording), [[("b", Some(2))], [("b", Some(3))]]);
}

#[test]
fn each_subscriber_has_a_copy_of_each_publish() {
    let recording = Lines::default()
        .short("send publish a t")
        .short("send publish a t")
        .short("delivery publish a t y")
        .short("delivery publish a t x")
        .short("delivery publish a t y")
        .short("dead-letter publish a t x why=mailbox-full")
        .read();
    assert_eq!(
        copies(&recording),
        [[("y", Some(2)), ("x", Some(3))], [("y", Some(4)), ("x", None)]]
    );
}

#[test]
fn members_of_a_group_share_the_copies() {
    let recording = Lines::default()
        .add(r#""kind":"subscribe","who":"x","pattern":"t.*","group":"g""#)
        .add(r#""kind":"subscribe","who":"y","pattern":"t.*","group":"g""#)
        .short("send publish a t.one")
        .short("send publish a t.one")
        .short("delivery publish a t.one x")
        .short("delivery publish a t.one y")
        .read();
    assert_eq!(copies(&recording), [[("x", Some(4))], [("y", Some(5))]]);
}

#[test]
fn what_went_wrong_is_found() {
    let recording = Lines::default()
        .short("send cast a b")
        .short("send cast a b")
        .short("send cast a b")
        .short("delivery cast a b")
        .short("handler-error cast a b why=failed")
        .short("delivery cast a b")
        .short("dead-letter cast a b why=crashed")
        .short("dead-letter cast a b why=dropped")
        .short("dead-letter cast z b why=dropped")
        .read();
    assert_eq!(
        casts(&recording),
        [
            (Some(0), Some(3), Some(4)),
            (Some(1), Some(5), Some(6)),
            (Some(2), None, Some(7)),
            (None, None, Some(8)),
        ]
    );
}

#[test]
fn a_summary_counts() {
    let recording = Lines::default()
        .short("send cast a b")
        .short("send call a b one")
        .short("call-end - a b one why=timeout")
        .short("send publish a t")
        .short("denial cast a z why=capability-denied")
        .short("denial cast a z why=capability-denied repeated=9")
        .add(r#""kind":"restart","whom":"b","why":"trap""#)
        .add(r#""kind":"dropped","why":"overload","count":52"#)
        .read();
    let sum = recording.summary();
    assert_eq!((sum.components, sum.casts, sum.calls, sum.publishes), (2, 1, 1, 1));
    assert_eq!((sum.timeouts, sum.denials, sum.restarts, sum.missing), (1, 10, 1, 52));
    assert_eq!(recording.span(), std::time::Duration::from_millis(7));
    assert_eq!(recording.remarks(), ["The audit says that 52 records are missing."]);
}
