//! The commands that ask a running system something.

use std::io::{Read, stdin};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::args::{ComponentAction, Format, LetterAction, Send, Talk};
use crate::client;
use crate::control::{Payload, Request};
use crate::exit::Failure;
use crate::output;

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
            LetterAction::List { limit } => (place.name, Request::Letters { limit }, output::table),
            LetterAction::Resend { letters } => {
                (place.name, Request::Resend { letters }, output::fields)
            }
            LetterAction::Drop { letters } => {
                (place.name, Request::Drop { letters }, output::fields)
            }
        },
        Talk::Subscriptions { place } => (place.name, Request::Subscriptions, output::table),
        Talk::Explain { place, component, action, target } => {
            let component = component.parse().map_err(Failure::failed)?;
            (place.name, Request::Explain { component, action, target }, output::why)
        }
    };
    let answer = client::ask(&name, &request, |_| Ok(()))?;
    match format {
        Format::Json => println!("{answer}"),
        Format::Text => print!("{}", show(&answer)),
    }
    Ok(())
}

fn payload(send: &Send) -> Result<Payload, Failure> {
    let bytes = |bytes: &[u8]| Payload::Bytes(BASE64_STANDARD.encode(bytes));
    if let Some(path) = &send.file {
        let read = std::fs::read(path);
        let read = read.map_err(|source| Failure::File { path: path.clone(), source })?;
        return Ok(bytes(&read));
    }
    if let Some(text) = &send.text {
        return Ok(bytes(text.as_bytes()));
    }
    let text = match send.payload.as_deref() {
        None => return Ok(bytes(b"")),
        Some("-") => {
            let mut text = String::new();
            stdin().read_to_string(&mut text)?;
            text
        }
        Some(text) => text.to_owned(),
    };
    let value = serde_json::from_str(&text).map_err(|error| {
        Failure::failed(format!("the payload is no JSON: {error}. For a text, write '\"TEXT\"'"))
    })?;
    Ok(Payload::Value { value, codec: send.codec.clone() })
}
