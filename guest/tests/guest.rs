//! Guests against the mock of a host.

use std::time::Duration;

use castcall_guest::mock::{self, Message, Sent};
use castcall_guest::{
    Bare, CallError, Callback, CancelError, Cbor, Codec, ComponentError, Config, DecodeError,
    DeferError, Handler, MessagingError, RESPONSE_NOT_ENCODED, Raw, ReplyError, RequestError,
    RequestId, SendError, Setup, Token, Usage, call, cancel, cast, context, decode, defer, encode,
    publish, reply, subscribe, subscribe_group, unsubscribe, usage,
};

/// Adds numbers up, asks `oracle` about the sum, and keeps what it said.
#[derive(Default)]
struct Adder {
    sum: u64,
    asked: Option<RequestId>,
    waiting: Option<Token>,
    heard: Vec<Result<String, CallError>>,
}

castcall_guest::export!(Adder: Setup, Handler, Callback);

impl Setup for Adder {
    fn init(&mut self, config: &Config) -> Result<(), ComponentError> {
        self.sum = config.parse("start", "a number")?.unwrap_or(0);
        Ok(())
    }
}

impl Handler for Adder {
    type Codec = Cbor;
    type Request = u64;
    type Response = u64;

    fn handle(&mut self, _: &str, number: u64) -> Result<u64, ComponentError> {
        self.sum += number;
        if number == 0 {
            self.waiting = defer().ok();
            self.asked = Some(call("oracle", &self.sum, Duration::from_millis(1_500))?);
        }
        Ok(self.sum)
    }
}

impl Callback for Adder {
    type Codec = Cbor;
    type Response = String;

    fn callback(
        &mut self,
        id: &RequestId,
        result: Result<String, CallError>,
    ) -> Result<(), ComponentError> {
        if self.asked.as_ref() != Some(id) {
            return Err(ComponentError::failed(9, "not mine"));
        }
        if let Some(token) = self.waiting.take() {
            let sum = result.is_ok().then_some(&self.sum);
            let answer = sum.ok_or_else(|| ComponentError::failed(3, "the oracle is silent"));
            reply(token, answer).map_err(|error| ComponentError::failed(4, error.to_string()))?;
        }
        self.heard.push(result);
        Ok(())
    }
}

#[test]
fn a_request_becomes_a_value_and_a_response_a_message() {
    let mut adder = Adder::default();
    let entries = vec![("other".to_owned(), "x".to_owned()), ("start".to_owned(), "5".to_owned())];
    adder.init(&Config::new(entries)).unwrap();
    let answer = mock::handle(&mut adder, "a", &encode(&7_u64).unwrap()).unwrap();
    assert_eq!(decode::<u64>(&answer).unwrap(), 12);
    for unreadable in [&b""[..], b"7", &encode("seven").unwrap(), &[0x55, 7]] {
        let error = mock::handle(&mut adder, "a", unreadable).unwrap_err();
        assert!(matches!(error, ComponentError::InvalidPayload(_)), "{error}");
    }
    assert_eq!(adder.sum, 12, "what can't be read never gets there");
}

#[test]
fn a_configuration_that_can_not_be_read_is_named() {
    let config = Config::new(vec![("start".into(), "soon".into())]);
    let error = Adder::default().init(&config).unwrap_err();
    assert_eq!(error, ComponentError::invalid("start: expected a number"));
    assert_eq!((config.get("start"), config.get("stop")), (Some("soon"), None));
    assert_eq!(config.iter().collect::<Vec<_>>(), [("start", "soon")]);
}

#[test]
fn a_call_is_deferred_and_answered_from_its_callback() {
    let mut adder = Adder { sum: 3, ..Adder::default() };
    mock::set_message(Message { request_id: Some("outer".into()), ..Message::default() });
    mock::handle(&mut adder, "a", &encode(&0_u64).unwrap()).unwrap();
    let sent = mock::take_sent();
    let [Sent::Defer { token: 1 }, Sent::Call { target, message, timeout_ms, id }] = &sent[..]
    else {
        panic!("{sent:?}")
    };
    assert_eq!((target.as_str(), *timeout_ms), ("oracle", 1_500));
    assert_eq!(decode::<u64>(message).unwrap(), 3);

    let other = call("oracle", &1, Duration::from_secs(1)).unwrap();
    let error = mock::callback(&mut adder, &other, Ok(encode("x").unwrap())).unwrap_err();
    assert_eq!(error, ComponentError::failed(9, "not mine"));
    let _ = mock::take_sent();

    mock::callback(&mut adder, id, Ok(encode("odd").unwrap())).unwrap();
    assert_eq!(adder.heard, [Ok("odd".to_owned())]);
    let answer = Ok(encode(&3_u64).unwrap());
    assert_eq!(mock::take_sent(), [Sent::Reply { token: 1, answer }]);
    assert_eq!(cancel(id), Err(CancelError::NotFound), "it has ended");
}

#[test]
fn the_end_of_a_call_says_why_there_is_no_value() {
    let mut adder = Adder::default();
    mock::handle(&mut adder, "a", &encode(&0_u64).unwrap()).unwrap();
    assert!(adder.waiting.is_none(), "a cast can't be deferred");
    let id = adder.asked.clone().unwrap();
    mock::callback(&mut adder, &id, Err(RequestError::Timeout)).unwrap();
    mock::callback(&mut adder, &id, Ok(b"\x55odd".to_vec())).unwrap();
    let [Err(first), Err(second)] = &adder.heard[..] else { panic!("{:?}", adder.heard) };
    assert_eq!(*first, CallError::Request(RequestError::Timeout));
    assert!(matches!(second, CallError::Decode(DecodeError::WrongCodec { .. })), "{second}");
}

#[test]
fn what_is_refused_comes_back_with_what_to_do() {
    mock::refuse_next(MessagingError::QuotaExceeded { retry_after_ms: 20 });
    let error = cast("a", "x").unwrap_err();
    assert_eq!(error.to_string(), "quota-exceeded: try again in 20 ms");
    let SendError::Refused(refused) = &error else { panic!("{error:?}") };
    assert!(refused.is_retryable());
    let failed = ComponentError::from(error);
    assert_eq!(failed, ComponentError::failed(1, "quota-exceeded: try again in 20 ms"));
    mock::refuse_next(MessagingError::CapabilityDenied);
    let denied = subscribe("a.*").unwrap_err();
    assert!(!denied.is_retryable());
    assert!(mock::take_sent().is_empty());
    cast("a", "x").unwrap();
    assert_eq!(mock::take_sent().len(), 1, "refused once");
}

#[test]
fn everything_else_that_a_guest_can_ask_for() {
    assert_eq!(publish("news.today", &1_u8).unwrap(), 1);
    subscribe("news.*").unwrap();
    subscribe_group("jobs", "workers").unwrap();
    assert!(unsubscribe("news.*").unwrap());
    let id = Raw::call("a", "x", Duration::MAX).unwrap();
    cancel(&id).unwrap();
    assert_eq!(cancel(&id), Err(CancelError::NotFound));
    let sent = mock::take_sent();
    let pattern = || "news.*".to_owned();
    let expected = [
        Sent::Publish { topic: "news.today".into(), message: vec![0x51, 1] },
        Sent::Subscribe { pattern: pattern(), group: None },
        Sent::Subscribe { pattern: "jobs".into(), group: Some("workers".into()) },
        Sent::Unsubscribe { pattern: pattern() },
        Sent::Call {
            target: "a".into(),
            message: b"\x55x".to_vec(),
            timeout_ms: u64::MAX,
            id: id.clone(),
        },
        Sent::Cancel { id },
    ];
    assert_eq!(sent, expected);
    mock::set_usage(Usage { subscriptions: 2, ..Usage::default() });
    assert_eq!((usage().subscriptions, usage().message_rate), (2, None));
    assert_eq!(castcall_guest::self_id(), "mock");
}

#[test]
fn the_context_is_that_of_the_message() {
    assert_eq!((context::sender(), context::remaining()), (None, None));
    let message = Message {
        sender: Some("shop/web".into()),
        timestamp: Some(1_000_000_001),
        topic: Some("a.b".into()),
        request_id: Some("id".into()),
        remaining_ms: Some(20),
        is_cancelled: true,
        trace: None,
    };
    mock::set_message(message);
    assert_eq!(context::sender().as_deref(), Some("shop/web"));
    assert_eq!(context::timestamp(), Some(Duration::new(1, 1)));
    assert_eq!(context::topic().as_deref(), Some("a.b"));
    assert_eq!(context::request_id().unwrap().as_str(), "id");
    assert_eq!(context::remaining(), Some(Duration::from_millis(20)));
    assert!(context::is_cancelled() && context::trace().is_none());
    assert!(defer().is_ok());
    mock::set_message(Message::default());
    assert_eq!(defer(), Err(DeferError::NotACall));
}

/// Answers with a map that has a key which is no text.
#[derive(Default)]
struct Formless;

impl Handler for Formless {
    type Codec = castcall_guest::Json;
    type Request = ();
    type Response = std::collections::BTreeMap<(u8, u8), u8>;

    fn handle(&mut self, _: &str, (): ()) -> Result<Self::Response, ComponentError> {
        Ok([((1, 2), 3)].into())
    }
}

#[test]
fn a_response_without_a_form_is_an_error() {
    let error = mock::handle(&mut Formless, "a", b"\x80\x04null").unwrap_err();
    let ComponentError::Failed { code: RESPONSE_NOT_ENCODED, message } = &error else {
        panic!("{error:?}")
    };
    assert!(message.starts_with("the response: "), "{message}");
    let key = std::collections::BTreeMap::from([((1, 2), 3)]);
    let error = castcall_guest::Json::cast("a", &key).unwrap_err();
    assert!(matches!(error, SendError::Encode(_)));
    mock::set_message(Message { request_id: Some("id".into()), ..Message::default() });
    let error = castcall_guest::Json::reply(defer().unwrap(), Ok(&key)).unwrap_err();
    assert!(matches!(error, ReplyError::Encode(_)));
}

#[test]
fn no_envelope_goes_as_it_is() {
    Bare::cast("journal", "seen").unwrap();
    let journal = Sent::Cast { target: "journal".into(), message: b"seen".to_vec() };
    assert_eq!(mock::take_sent(), [journal]);
}

/// What each codec writes, it reads, and no other does.
#[test]
fn each_codec_by_its_type() {
    use castcall_guest::envelope::{Codec as Name, Prefix, peek};
    use castcall_guest::{Bincode, Borsh, Decode, Encode, Json, MessagePack};

    fn both<C: Encode<(u8, String)> + Decode<(u8, String)>>(name: Name) -> Vec<u8> {
        let value = (7, "Zoë".to_owned());
        let message = C::encode(&value).unwrap();
        assert_eq!(peek(&message).unwrap().0, Prefix::Known(name));
        assert_eq!(C::decode(&message).unwrap(), value);
        message
    }
    let all = [
        both::<Cbor>(Name::Cbor),
        both::<Json>(Name::Json),
        both::<Borsh>(Name::Borsh),
        both::<Bincode>(Name::Bincode),
        both::<MessagePack>(Name::MessagePack),
    ];
    for (at, message) in all.iter().enumerate() {
        let read = [
            <Cbor as Decode<(u8, String)>>::decode(message).is_ok(),
            <Json as Decode<(u8, String)>>::decode(message).is_ok(),
            <Borsh as Decode<(u8, String)>>::decode(message).is_ok(),
            <Bincode as Decode<(u8, String)>>::decode(message).is_ok(),
            <MessagePack as Decode<(u8, String)>>::decode(message).is_ok(),
        ];
        assert_eq!(read.iter().position(|read| *read), Some(at));
        assert_eq!(read.iter().filter(|read| **read).count(), 1);
    }
    assert_eq!(<Raw as Decode<Vec<u8>>>::decode(b"\x55ab").unwrap(), b"ab");
}
