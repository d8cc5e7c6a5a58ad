//! What a handler knows of the trace: its own exchange.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, request::Parts},
};
use parking_lot::Mutex;
use wire::trace::{Kind, Lane, SpanId};

use super::{
    entry::{PlainAnswer, Sender},
    faults::Asked,
    messages::Called,
    order,
    streams::Source,
    tap::Shared,
};
use crate::trace::{Draft, RunHandle};

/// One request and its response. Extract it in a handler to say what happens there; where the request joined no run,
/// every call costs a branch and records nothing.
#[derive(Clone, Default)]
pub struct Exchange {
    joined: Option<(RunHandle, SpanId)>,
    connection: u64,
    /// The names of the request's header fields as they came, where the map's order is another.
    field_names: Option<Arc<[HeaderName]>>,
    timings: Arc<Mutex<Vec<(&'static str, Duration)>>>,
}

impl Exchange {
    /// An exchange within a run, on the connection of this number.
    pub fn joined(run: RunHandle, span: SpanId, connection: u64) -> Exchange {
        Exchange {
            joined: Some((run, span)),
            connection,
            ..Exchange::default()
        }
    }

    /// The same, knowing how long its head took from the first byte until it was parsed.
    #[must_use]
    pub fn parsed_within(self, took: Duration) -> Exchange {
        self.timing(PARSE, took);
        self
    }

    /// The same, knowing in which order its header fields came.
    pub(super) fn with_field_names(self, names: Vec<HeaderName>) -> Exchange {
        Exchange {
            field_names: Some(names.into()),
            ..self
        }
    }

    /// The request's header fields in the order in which they came.
    pub fn in_order<'a>(&'a self, fields: &'a HeaderMap) -> Vec<(&'a HeaderName, &'a HeaderValue)> {
        match &self.field_names {
            Some(names) => order::sorted(fields, names),
            None => fields.iter().collect(),
        }
    }

    /// How long the head took from its first byte until it was parsed, where the tap saw it; whether anybody records
    /// it or not.
    pub fn parse_took(&self) -> Option<Duration> {
        let timings = self.timings.lock();
        let parse = timings.iter().find(|(name, _)| *name == PARSE);
        parse.map(|(_, took)| *took)
    }

    /// Does anybody record this?
    pub fn is_recorded(&self) -> bool {
        self.joined.is_some()
    }

    /// The run, where one is recorded.
    pub fn run(&self) -> Option<&RunHandle> {
        self.joined.as_ref().map(|(run, _)| run)
    }

    /// The exchange's id in its run: the parent id of the request's `traceparent`.
    pub fn id(&self) -> Option<SpanId> {
        self.joined.as_ref().map(|(_, span)| *span)
    }

    /// Records an event of this exchange. `draft` is only made when somebody records.
    pub fn emit(&self, draft: impl FnOnce() -> Draft) {
        if let Some((run, span)) = &self.joined {
            run.emit(draft().with(|detail| {
                detail.exchange = Some(*span);
                detail.connection = Some(self.connection);
            }));
        }
    }

    /// Records a stretch of the handler that began at `since` and is over now. It stands in the response's
    /// `Server-Timing` too, recorded or not, unless the response's head is out already.
    pub fn stretch(&self, kind: Kind, since: Instant) {
        self.stretch_with(kind, since, |draft| draft);
    }

    /// The same, with more to say about it where somebody records.
    pub fn stretch_with(&self, kind: Kind, since: Instant, more: impl FnOnce(Draft) -> Draft) {
        let now = Instant::now();
        if let Some(metric) = metric(kind) {
            self.timing(metric, now.saturating_duration_since(since));
        }
        self.emit(|| more(Draft::new(Lane::HANDLER, kind, since).until(now)));
    }

    /// Adds a metric to the response's `Server-Timing`; `name` is a token (RFC 9110 §5.6.2). Said twice, it adds up.
    pub fn timing(&self, name: &'static str, duration: Duration) {
        let mut timings = self.timings.lock();
        match timings.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += duration,
            None => timings.push((name, duration)),
        }
    }

    /// The value of `Server-Timing` (W3C Server Timing §2): what took how long, in milliseconds. A handler that says
    /// nothing about processing has processed all the time since it was `called`.
    pub(super) fn server_timing(&self, called: Instant) -> Option<HeaderValue> {
        let mut timings = self.timings.lock();
        if !timings.iter().any(|(name, _)| *name == PROCESS) {
            timings.push((PROCESS, called.elapsed()));
        }
        let mut value = String::with_capacity(64);
        for (name, duration) in timings.iter() {
            if !value.is_empty() {
                value.push_str(", ");
            }
            value.push_str(name);
            value.push_str(";dur=");
            push_ms(&mut value, *duration);
        }
        HeaderValue::try_from(value).ok()
    }
}

/// Appends milliseconds to the third decimal. Every response has some, and `write!` would be a large part of its cost.
fn push_ms(out: &mut String, duration: Duration) {
    let rounded = duration.saturating_add(Duration::from_nanos(500));
    let mut buffer = itoa::Buffer::new();
    let us = buffer.format(u64::try_from(rounded.as_micros()).unwrap_or(u64::MAX));
    match us.split_at_checked(us.len().wrapping_sub(3)) {
        Some((ms, decimals)) if !ms.is_empty() => {
            out.push_str(ms);
            out.push('.');
            out.push_str(decimals);
        }
        _ => {
            out.push_str("0.");
            out.push_str(&"000"[us.len()..]);
            out.push_str(us);
        }
    }
}

const PARSE: &str = "parse";
const PROCESS: &str = "process";

/// What a kind of stretch is called in `Server-Timing`.
const fn metric(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Parse => Some(PARSE),
        Kind::Body => Some("body"),
        Kind::Process => Some(PROCESS),
        Kind::Stored => Some("stored"),
        Kind::Synced => Some("synced"),
        Kind::Previewed => Some("previewed"),
        _ => None,
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Exchange {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts
            .extensions
            .get::<Exchange>()
            .cloned()
            .unwrap_or_default())
    }
}

/// How a request came.
#[derive(Clone)]
pub(crate) struct Arrival {
    /// Who sent it.
    pub(crate) peer: SocketAddr,
    /// Its connection's tap, where there is one.
    pub(super) tap: Option<Arc<Shared>>,
}

/// The handler's call for one request of a connection: the tap's side of an exchange.
pub(super) struct Call {
    shared: Arc<Shared>,
    number: u64,
    first_read: Option<Instant>,
    claimed: Option<(RunHandle, SpanId)>,
    field_names: Option<Vec<HeaderName>>,
}

impl Call {
    /// The connection's next request is handed over. `is_named`: it names a run; else nobody records it, unless the whole
    /// connection belongs to one. `is_grouped`: the order of its fields is not that in which they came.
    pub(super) fn begin(shared: Arc<Shared>, is_named: bool, is_grouped: bool) -> Call {
        let mut messages = shared.messages.lock();
        let Called {
            number,
            first_read,
            claimed,
        } = messages.call();
        let field_names = is_grouped.then(|| messages.field_names(number));
        if !is_named && claimed.is_none() {
            messages.leave(number);
        }
        drop(messages);
        Call {
            shared,
            number,
            first_read,
            claimed,
            field_names,
        }
    }

    pub(super) fn connection(&self) -> u64 {
        self.shared.connection
    }

    /// When the request's first byte was read.
    pub(super) fn first_read(&self) -> Option<Instant> {
        self.first_read
    }

    /// The names of the request's header fields as they came, where their order is another.
    pub(super) fn take_field_names(&mut self) -> Option<Vec<HeaderName>> {
        self.field_names.take()
    }

    /// The run that the whole connection belongs to, and this request's exchange in it.
    pub(super) fn claimed(&self) -> Option<(RunHandle, SpanId)> {
        self.claimed.clone()
    }

    /// Records this request's bytes into `run`, those that came before too.
    pub(super) fn claim(&self, run: RunHandle, exchange: SpanId, sender: &Sender) {
        self.shared
            .messages
            .lock()
            .claim(self.number, run, exchange, sender);
    }

    /// Nobody records this request.
    pub(super) fn leave(&self) {
        self.shared.messages.lock().leave(self.number);
    }

    /// The faults that this request asks for begin to act; or what waited to know of them goes on.
    pub(super) fn settle_faults(&self, asked: Option<Arc<Asked>>) {
        if asked.is_none() && !self.shared.faults.is_on() {
            return;
        }
        let mut messages = self.shared.messages.lock();
        messages.settle_faults(self.number, asked);
        drop(messages);
        self.shared.faults.turn_on();
        self.shared.faults.wake();
    }

    /// Tells the tap what is to be written, where that spares it to look.
    pub(super) fn will_answer(&self, plain: PlainAnswer) {
        self.shared.messages.lock().will_answer(self.number, plain);
    }

    /// Once the head of the response is out, the socket belongs to this source.
    pub(super) fn will_take_over(&self, source: Box<dyn Source>) {
        self.shared.will_take_over(self.number, source);
    }

    /// Did the peer keep the handler waiting for the body for too long?
    pub(super) fn body_timed_out(&self) -> bool {
        self.shared.messages.lock().body_timed_out(self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_have_three_decimals() {
        for (ns, words) in [
            (0, "0.000"),
            (499, "0.000"),
            (500, "0.001"),
            (42_000, "0.042"),
            (999_499, "0.999"),
            (999_500, "1.000"),
            (12_345_678, "12.346"),
            (61_000_000_001, "61000.000"),
        ] {
            let mut said = String::new();
            push_ms(&mut said, Duration::from_nanos(ns));
            assert_eq!(said, words, "{ns} ns");
        }
    }
}
