//! The feed: a WebSocket to `/api/runs/{trace-id}/feed`, opened again whenever it breaks.
//!
//! The browser's WebSocket is used bare: an answer to a question about the time is worth as much as its fourth
//! timestamp, which is therefore read in the event's own handler, before anything is scheduled.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{CloseEvent, Event, MessageEvent, WebSocket};
use wire::{
    clock::Sample,
    trace::{FeedDown, FeedUp, Opened, SpanId, TraceEvent, TraceId, Traceparent, close_code},
};

use super::{
    clock::{now_ns, page_step_ns},
    ids,
    link::{CLOCK_BURST, Link, Opening, Seen},
    socket,
};
use crate::browser::{later, location, next_frame};

/// How long after the burst the time is asked again.
const CLOCK_EVERY_MS: u32 = 4_000;
/// How long own events are gathered before they go up.
const GATHER_MS: u32 = 25;
const FIRST_RETRY_MS: u32 = 250;
const LONGEST_RETRY_MS: u32 = 5_000;

/// What the feed tells the page.
pub(crate) enum News {
    /// New events, and how many the server has dropped from the run so far.
    Events(Vec<TraceEvent>, u64),
    /// A connection is open, and the run is this one.
    Opened(Opening, Opened),
    /// The first answer about the time is there: what the page sees can be told.
    Timed,
    /// The connection broke.
    Lost {
        /// Why, as far as the server said.
        why: &'static str,
        /// When the next try is, in milliseconds.
        wait_ms: u32,
    },
    /// The server no longer keeps the run: why, in words. The next exchange begins it anew.
    Evicted(String),
    /// The server refused what the page sent: why, in words.
    Refused(String),
}

/// The page's end of one run's feed.
#[derive(Clone)]
pub(crate) struct Feed(Rc<Inner>);

struct Inner {
    run: TraceId,
    link: RefCell<Link>,
    socket: RefCell<Option<Socket>>,
    pending: RefCell<(Vec<TraceEvent>, u64)>,
    drawing: Cell<bool>,
    gathering: Cell<bool>,
    failures: Cell<u32>,
    questions: Cell<u32>,
    asking: Cell<bool>,
    ended: Cell<bool>,
    /// The server let the run go, and nothing has happened since.
    asleep: Cell<bool>,
    tell: Box<dyn Fn(News)>,
}

/// A WebSocket with its handlers, which live as long as it does.
struct Socket {
    socket: WebSocket,
    _open: Closure<dyn FnMut(Event)>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _close: Closure<dyn FnMut(CloseEvent)>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        socket::close(&self.socket);
    }
}

impl Feed {
    /// Opens the run's feed and keeps it open. `tell` is called with what comes; events at most once a frame.
    pub(crate) fn open(run: TraceId, tell: impl Fn(News) + 'static) -> Feed {
        let feed = Feed(Rc::new(Inner {
            run,
            link: RefCell::new(Link::new(ids::client(), page_step_ns())),
            socket: RefCell::new(None),
            pending: RefCell::default(),
            drawing: Cell::new(false),
            gathering: Cell::new(false),
            failures: Cell::new(0),
            questions: Cell::new(0),
            asking: Cell::new(false),
            ended: Cell::new(false),
            asleep: Cell::new(false),
            tell: Box::new(tell),
        }));
        feed.0.connect();
        feed
    }

    /// Ends it for good.
    pub(crate) fn close(&self) {
        self.0.ended.set(true);
        self.0.socket.borrow_mut().take();
    }

    /// A new exchange of this run.
    pub(crate) fn exchange(&self) -> Traceparent {
        if self.0.asleep.replace(false) {
            self.0.connect();
        }
        Traceparent {
            run: self.0.run,
            exchange: ids::span(),
            recorded: true,
        }
    }

    /// Takes in something that the page saw.
    pub(crate) fn saw(&self, seen: Seen) {
        self.0.link.borrow_mut().saw(seen);
        self.0.gather();
    }

    /// Takes in something that the page saw of an exchange.
    pub(crate) fn saw_of(&self, exchange: SpanId, seen: Seen) {
        self.saw(seen.with(|detail| detail.exchange = Some(exchange)));
    }

    /// Is the connection open now?
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_open()
    }

    /// How many of the page's own events were dropped because nobody took them.
    pub(crate) fn lost(&self) -> u64 {
        self.0.link.borrow().lost()
    }
}

impl Inner {
    fn connect(self: &Rc<Self>) {
        if self.ended.get() {
            return;
        }
        let location = location();
        let scheme = match location.protocol().as_deref() {
            Ok("https:") => "wss",
            _ => "ws",
        };
        let host = location.host().unwrap_or_default();
        let url = format!("{scheme}://{host}/api/runs/{}/feed", self.run);
        let Ok(socket) = WebSocket::new(&url) else {
            self.broke(0);
            return;
        };
        let inner = Rc::downgrade(self);
        let open = Closure::new(move |_: Event| {
            if let Some(inner) = inner.upgrade() {
                inner.greet();
            }
        });
        let inner = Rc::downgrade(self);
        let close = Closure::new(move |event: CloseEvent| {
            if let Some(inner) = inner.upgrade() {
                inner.broke(event.code());
            }
        });
        let inner = Rc::downgrade(self);
        let message = Closure::new(move |event: MessageEvent| {
            let arrived_ns = now_ns();
            if let (Some(inner), Some(text)) = (inner.upgrade(), event.data().as_string()) {
                inner.came(&text, arrived_ns);
            }
        });
        socket.set_onopen(Some(open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        *self.socket.borrow_mut() = Some(Socket {
            socket,
            _open: open,
            _message: message,
            _close: close,
        });
    }

    fn greet(self: &Rc<Self>) {
        self.failures.set(0);
        self.questions.set(0);
        let client = self.link.borrow().client();
        self.send(&FeedUp::Hello { client });
        self.ask_the_time();
    }

    fn ask_the_time(self: &Rc<Self>) {
        self.questions.set(self.questions.get() + 1);
        self.send(&FeedUp::Clock { t1_ns: now_ns() });
    }

    fn came(self: &Rc<Self>, text: &str, arrived_ns: i64) {
        let Some(frame) = FeedDown::from_text(text) else {
            (self.tell)(News::Refused(
                "The server sent something that this page does not understand. Load the page again.".to_owned(),
            ));
            return;
        };
        match frame {
            FeedDown::Opened(opened) => {
                let opening = self.link.borrow_mut().opened(&opened);
                (self.tell)(News::Opened(opening, opened));
            }
            FeedDown::Events { events, dropped } => {
                let fresh = self.link.borrow_mut().arrived(events);
                {
                    let mut pending = self.pending.borrow_mut();
                    pending.0.extend(fresh);
                    pending.1 = dropped;
                }
                self.draw_soon();
            }
            FeedDown::Clock {
                t1_ns,
                t2_ns,
                t3_ns,
            } => {
                let first = {
                    let mut link = self.link.borrow_mut();
                    let first = !link.is_timed();
                    link.clock_answered(Sample {
                        t1_ns,
                        t2_ns,
                        t3_ns,
                        t4_ns: arrived_ns,
                    });
                    first
                };
                if first {
                    (self.tell)(News::Timed);
                }
                self.gather();
                if self.questions.get() < CLOCK_BURST {
                    self.ask_the_time();
                } else if !self.asking.replace(true) {
                    // One such timer at a time, however often the connection was opened again.
                    after(self, CLOCK_EVERY_MS, |inner| {
                        inner.asking.set(false);
                        inner.ask_the_time();
                    });
                }
            }
            FeedDown::Evicted { why } => {
                self.asleep.set(true);
                (self.tell)(News::Evicted(why));
            }
            FeedDown::Refused(problem) => {
                (self.tell)(News::Refused(problem.detail.unwrap_or(problem.title)));
            }
        }
    }

    /// Hands events over with the next frame; a hidden page has no frames, so a timer stands by.
    fn draw_soon(self: &Rc<Self>) {
        if self.drawing.replace(true) {
            return;
        }
        let inner = Rc::downgrade(self);
        next_frame(move || draw(&inner));
        after(self, 250, |inner| {
            draw(&Rc::downgrade(inner));
        });
    }

    /// Sends own events soon, several in one frame.
    fn gather(self: &Rc<Self>) {
        let link = self.link.borrow();
        if !link.is_timed() || !link.has_waiting() || self.gathering.replace(true) {
            return;
        }
        after(self, GATHER_MS, |inner| {
            inner.gathering.set(false);
            while inner.is_open() {
                let events = inner.link.borrow_mut().take_batch();
                if events.is_empty() {
                    break;
                }
                inner.send(&FeedUp::Events { events });
            }
        });
    }

    fn is_open(&self) -> bool {
        self.socket
            .borrow()
            .as_ref()
            .is_some_and(|socket| socket.socket.ready_state() == WebSocket::OPEN)
    }

    fn send(&self, frame: &FeedUp) {
        if let Some(socket) = self.socket.borrow().as_ref() {
            // What a closing socket would swallow (and the browser log as an error) stays with the link, which sends what
            // did not come back once more.
            if socket.socket.ready_state() == WebSocket::OPEN {
                let _ = socket.socket.send_with_str(&frame.to_text());
            }
        }
    }

    fn broke(self: &Rc<Self>, code: u16) {
        if self.ended.get() || self.asleep.get() {
            return;
        }
        let why = match code {
            close_code::STOPPING => "The server stops.",
            close_code::SLOW => "The server gave up on this page: it read or answered too slowly.",
            close_code::POLICY | close_code::TOO_BIG => "The server refused what this page sent.",
            _ => "The connection to the server broke.",
        };
        let failures = self.failures.get();
        self.failures.set(failures + 1);
        let wait_ms = (FIRST_RETRY_MS << failures.min(10)).min(LONGEST_RETRY_MS);
        // Many pages lose one server at the same moment; they must not all come back at the same moment.
        let wait_ms = (f64::from(wait_ms) * (0.75 + ids::fraction() / 2.0)) as u32;
        (self.tell)(News::Lost { why, wait_ms });
        after(self, wait_ms, |inner| {
            inner.connect();
        });
    }
}

fn draw(inner: &Weak<Inner>) {
    let Some(inner) = inner.upgrade() else {
        return;
    };
    if !inner.drawing.replace(false) {
        return;
    }
    let (events, dropped) = {
        let mut pending = inner.pending.borrow_mut();
        (std::mem::take(&mut pending.0), pending.1)
    };
    (inner.tell)(News::Events(events, dropped));
}

/// Does something later, unless the feed is gone by then.
fn after(inner: &Rc<Inner>, wait_ms: u32, act: fn(&Rc<Inner>)) {
    let inner = Rc::downgrade(inner);
    later(wait_ms, move || {
        if let Some(inner) = inner.upgrade()
            && !inner.ended.get()
        {
            act(&inner);
        }
    });
}
