//! EventSource: server-sent events, with the browser's own reconnecting.

use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use web_sys::{Event, EventSource, MessageEvent};

/// What a stream brings.
pub(crate) enum Brought {
    /// It is open, for the first time or again.
    Open,
    /// A message: its id and its data.
    Message(String, String),
    /// A gap: the JSON that says so.
    Gap(String),
    /// It broke. The browser tries again by itself unless this says that it will not.
    Broke {
        /// The browser has given up (the answer was no event stream).
        for_good: bool,
    },
}

/// One open stream; dropped, it closes.
pub(crate) struct Stream {
    source: EventSource,
    _event: Closure<dyn FnMut(Event)>,
    _message: Closure<dyn FnMut(MessageEvent)>,
}

impl Stream {
    /// Opens a stream and hands over what it brings.
    ///
    /// # Errors
    /// When the address is none.
    pub(crate) fn open(url: &str, take: Rc<dyn Fn(Brought)>) -> Result<Stream, JsValue> {
        let source = EventSource::new(url)?;
        let (taker, from) = (Rc::clone(&take), source.clone());
        let event = Closure::<dyn FnMut(Event)>::new(move |event: Event| {
            taker(if event.type_() == "open" {
                Brought::Open
            } else {
                Brought::Broke {
                    for_good: from.ready_state() == EventSource::CLOSED,
                }
            });
        });
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let data = event.data().as_string().unwrap_or_default();
            take(if event.type_() == "gap" {
                Brought::Gap(data)
            } else {
                Brought::Message(event.last_event_id(), data)
            });
        });
        source.set_onopen(Some(event.as_ref().unchecked_ref()));
        source.set_onerror(Some(event.as_ref().unchecked_ref()));
        source.set_onmessage(Some(message.as_ref().unchecked_ref()));
        source.add_event_listener_with_callback("gap", message.as_ref().unchecked_ref())?;
        Ok(Stream {
            source,
            _event: event,
            _message: message,
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.set_onopen(None);
        self.source.set_onerror(None);
        self.source.set_onmessage(None);
        self.source.close();
    }
}
