//! The commands that ask a running system something.

use std::fs::File;
use std::io::{self, Read, stdin};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::args::{ComponentAction, Format, LETTERS, LetterAction, Send, Talk};
use crate::client;
use crate::control::{MAX_REQUEST, Payload, Request};
use crate::exit::Failure;
use crate::output;
use crate::print;

pub(crate) fn talk(talk: Talk, format: Format) -> Result<(), Failure> {
    let (name, request, show): (_, _, fn(&Value) -> String) = match talk {
        Talk::Cast(send) => {
            let payload = payload(&send)?;
            (send.place.name, Request::Cast { target: send.target, payload }, output::nothing)
        }
        Talk::Call { send, timeout } => {
            let payload = payload(&send)?;
            let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            let request = Request::Call { target: send.target, payload, timeout_ms };
            (send.place.name, request, output::payload)
        }
        Talk::Publish(send) => {
            let payload = payload(&send)?;
            (send.place.name, Request::Publish { target: send.target, payload }, output::value)
        }
        Talk::Components { place, action } => match action {
            None => (place.name, Request::Components, output::table),
            Some(ComponentAction::Restart { component }) => {
                (place.name, Request::Restart { component }, output::nothing)
            }
            Some(ComponentAction::Stop { component }) => {
                (place.name, Request::Stop { component }, output::nothing)
            }
        },
        Talk::DeadLetters { place, action } => match action {
            None => (place.name, Request::Letters { limit: LETTERS }, output::table),
            Some(LetterAction::List { limit }) => {
                (place.name, Request::Letters { limit }, output::table)
            }
            Some(LetterAction::Resend { letters }) => {
                (place.name, Request::Resend { letters }, output::fields)
            }
            Some(LetterAction::Drop { letters }) => {
                (place.name, Request::Drop { letters }, output::fields)
            }
        },
        Talk::Subscriptions { place } => (place.name, Request::Subscriptions, output::table),
        Talk::Explain { place, component, action, target } => {
            let component = component.parse().map_err(Failure::failed)?;
            (place.name, Request::Explain { component, action, target }, output::why)
        }
    };
    let answer = client::ask(&name, &request)?;
    match format {
        Format::Json => print::answer(&format!("{answer}\n")),
        Format::Text => {
            if answer.as_array().is_some_and(Vec::is_empty) {
                print::remark("there are none");
            }
            print::answer(&show(&answer))
        }
    }
}

fn payload(send: &Send) -> Result<Payload, Failure> {
    let bytes = |bytes: &[u8]| Payload::Bytes(BASE64_STANDARD.encode(bytes));
    if let Some(path) = &send.file {
        let read = match path.to_str() {
            Some("-") => standard_input()?,
            _ => File::open(path).and_then(whole).map_err(Failure::file(path))?,
        };
        return Ok(bytes(&read));
    }
    if let Some(text) = &send.text {
        return Ok(bytes(text.as_bytes()));
    }
    let text = match send.payload.as_deref() {
        None => return Ok(bytes(b"")),
        Some("-") => standard_input()?,
        Some(text) => text.as_bytes().to_vec(),
    };
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(Failure::failed("the payload is no JSON: it is empty"));
    }
    let value = serde_json::from_slice(&text).map_err(|error| {
        Failure::failed(format!("the payload is no JSON: {error}. For a text, write '\"TEXT\"'"))
    })?;
    Ok(Payload::Value { value, codec: send.codec.clone() })
}

fn standard_input() -> Result<Vec<u8>, Failure> {
    whole(stdin().lock()).map_err(Failure::Input)
}

/// All that there is, unless nobody would take it.
fn whole(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_REQUEST as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_REQUEST {
        let most = MAX_REQUEST >> 20;
        return Err(io::Error::other(format!("more than {most} MiB, which no system takes")));
    }
    Ok(bytes)
}
