//! A bare WebSocket of a lab. The run's own connection is [`super::feed`]'s.

use std::rc::Rc;

use js_sys::{Function, Reflect};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use web_sys::{CloseEvent, Event, MessageEvent, WebSocket};

use crate::browser::location;

/// What a socket tells.
pub(crate) enum Told {
    /// It is open.
    Open,
    /// A text frame came.
    Text(String),
    /// It closed, or could not be opened: the close code and the reason that the server gave.
    Closed(u16, String),
}

/// One socket; dropped, it closes.
pub(crate) struct Socket {
    socket: WebSocket,
    _open: Closure<dyn FnMut(Event)>,
    _text: Closure<dyn FnMut(MessageEvent)>,
    _close: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    /// Opens a socket to this server and hands over what it tells.
    ///
    /// # Errors
    /// When the address is none.
    pub(crate) fn open(path: &str, take: Rc<dyn Fn(Told)>) -> Result<Socket, JsValue> {
        let location = location();
        let scheme = match location.protocol().as_deref() {
            Ok("https:") => "wss",
            _ => "ws",
        };
        let host = location.host().unwrap_or_default();
        let socket = WebSocket::new(&format!("{scheme}://{host}{path}"))?;
        let (on_open, on_text) = (Rc::clone(&take), Rc::clone(&take));
        let open = Closure::<dyn FnMut(Event)>::new(move |_: Event| on_open(Told::Open));
        let text = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(text) = event.data().as_string() {
                on_text(Told::Text(text));
            }
        });
        let close = Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| {
            take(Told::Closed(event.code(), event.reason()));
        });
        socket.set_onopen(Some(open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(text.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        Ok(Socket {
            socket,
            _open: open,
            _text: text,
            _close: close,
        })
    }

    /// Sends a text frame; false where the socket is not open.
    pub(crate) fn send(&self, text: &str) -> bool {
        // What a closing socket would swallow, the browser logs as an error.
        self.socket.ready_state() == WebSocket::OPEN && self.socket.send_with_str(text).is_ok()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        close(&self.socket);
    }
}

/// Closes a socket that nobody listens to any more. One that is not open yet closes as soon as it is, as the browser would
/// log a warning.
pub(super) fn close(socket: &WebSocket) {
    if socket.ready_state() != WebSocket::CONNECTING {
        let _ = socket.close();
    } else if let Ok(close) = Reflect::get(socket, &"close".into()) {
        let normally = 1_000.into();
        let close =
            close
                .unchecked_into::<Function>()
                .bind2(socket, &normally, &JsValue::from_str(""));
        socket.set_onopen(Some(close.unchecked_ref()));
    }
}
