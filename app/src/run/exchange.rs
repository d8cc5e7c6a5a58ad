//! One request and its response within a run.

use wire::trace::{Kind, Lane, LaneKind, SpanId, TraceEvent, Truth};

use super::Run;

/// One request and its response, by the parent id of the `traceparent` that the request carried.
#[derive(Debug, Clone)]
pub struct Exchange {
    span: SpanId,
    /// Indexes into the run's events, ordered by time, then `seq`.
    events: Vec<u32>,
}

impl Exchange {
    pub(super) fn new(span: SpanId) -> Exchange {
        Exchange {
            span,
            events: Vec::new(),
        }
    }

    pub(super) fn take(&mut self, events: &[TraceEvent], index: u32) {
        let key = |index: u32| {
            events
                .get(index as usize)
                .map_or((i64::MAX, u64::MAX), |event| (event.at_ns, event.seq))
        };
        let place = match self.events.last() {
            Some(&last) if key(last) > key(index) => self
                .events
                .partition_point(|&other| key(other) < key(index)),
            _ => self.events.len(),
        };
        self.events.insert(place, index);
    }

    /// The exchange's id.
    pub fn span(&self) -> SpanId {
        self.span
    }

    /// Indexes of its events, by time.
    pub fn indexes(&self) -> &[u32] {
        &self.events
    }

    /// Its events, by time.
    pub fn events<'a>(&'a self, run: &'a Run) -> impl DoubleEndedIterator<Item = &'a TraceEvent> {
        self.events.iter().map(|&index| run.event(index))
    }

    /// The steps of the exchange, as far as they are known.
    pub fn steps<'a>(&'a self, run: &'a Run) -> Steps<'a> {
        let mut steps = Steps::default();
        // Work that goes on behind the response is not what was waited for.
        let mut worked_until_ns = i64::MIN;
        for event in self.events(run) {
            let first = |slot: &mut Option<&'a TraceEvent>| {
                slot.get_or_insert(event);
            };
            match event.kind {
                Kind::RequestSent => first(&mut steps.sent),
                Kind::Read => {
                    first(&mut steps.first_read);
                    steps.last_read = Some(event);
                    steps.read_bytes += event.bytes.unwrap_or(0);
                }
                Kind::Parse => first(&mut steps.parse),
                Kind::Body => first(&mut steps.body),
                Kind::Process => {
                    first(&mut steps.process);
                    if steps.respond.is_none() {
                        steps.worked_ns += event.end_ns() - event.at_ns;
                        worked_until_ns = event.end_ns();
                    }
                }
                Kind::Respond => {
                    steps.worked_ns -= worked_until_ns.saturating_sub(event.at_ns).max(0);
                    worked_until_ns = i64::MIN;
                    first(&mut steps.respond);
                }
                Kind::Write => {
                    first(&mut steps.first_write);
                    steps.last_write = Some(event);
                    steps.written_bytes += event.bytes.unwrap_or(0);
                }
                Kind::ResponseHead | Kind::StreamOpened => first(&mut steps.head),
                Kind::ResponseEnd => first(&mut steps.end),
                Kind::Consumed => first(&mut steps.consumed),
                Kind::Failed | Kind::Aborted => steps.broken = Some(event),
                Kind::StreamClosed => steps.closed = Some(event),
                Kind::Received => {
                    steps.received += 1;
                    steps.last_received = Some(event);
                }
                _ => {}
            }
        }
        steps
    }
}

/// The steps of an exchange; what has not happened, or was not seen, is `None`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Steps<'a> {
    /// The client began the request.
    pub sent: Option<&'a TraceEvent>,
    /// The server read its first bytes.
    pub first_read: Option<&'a TraceEvent>,
    /// The server read its last bytes so far.
    pub last_read: Option<&'a TraceEvent>,
    /// Head bytes until the parsed request.
    pub parse: Option<&'a TraceEvent>,
    /// The body was received and parsed.
    pub body: Option<&'a TraceEvent>,
    /// The handler worked: the first stretch of it.
    pub process: Option<&'a TraceEvent>,
    /// How long it worked before it responded, in nanoseconds.
    pub worked_ns: i64,
    /// The handler handed its response over.
    pub respond: Option<&'a TraceEvent>,
    /// The server wrote its first bytes.
    pub first_write: Option<&'a TraceEvent>,
    /// The server wrote its last bytes so far.
    pub last_write: Option<&'a TraceEvent>,
    /// The client has status and header fields, or an open stream.
    pub head: Option<&'a TraceEvent>,
    /// The client has all of the response.
    pub end: Option<&'a TraceEvent>,
    /// The client parsed and used it.
    pub consumed: Option<&'a TraceEvent>,
    /// It failed at the client, or the client gave it up.
    pub broken: Option<&'a TraceEvent>,
    /// The stream ended.
    pub closed: Option<&'a TraceEvent>,
    /// How many messages came by it.
    pub received: u64,
    /// The last message that came by it.
    pub last_received: Option<&'a TraceEvent>,
    /// How many bytes the server read so far.
    pub read_bytes: u64,
    /// How many bytes the server wrote so far.
    pub written_bytes: u64,
}

/// A stretch of time between two events, with what it may be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Where it begins, in nanoseconds since the run's start.
    pub from_ns: i64,
    /// Where it ends.
    pub to_ns: i64,
    /// How far its length may be off, in nanoseconds.
    pub error_ns: u64,
    /// Measured where one clock gave both ends and nothing was computed, derived otherwise.
    pub truth: Truth,
}

impl Stretch {
    /// From the beginning of one event to the beginning of another.
    pub fn between(from: &TraceEvent, to: &TraceEvent) -> Stretch {
        Stretch {
            from_ns: from.at_ns,
            to_ns: to.at_ns.max(from.at_ns),
            error_ns: from.error_ns.saturating_add(to.error_ns),
            truth: Truth::Derived,
        }
    }

    /// An event's own duration.
    pub fn of(event: &TraceEvent) -> Stretch {
        Stretch {
            from_ns: event.at_ns,
            to_ns: event.end_ns(),
            error_ns: event.error_ns,
            truth: event.truth,
        }
    }

    /// How long it is, in nanoseconds.
    pub fn ns(&self) -> i64 {
        self.to_ns.saturating_sub(self.from_ns)
    }
}

impl<'a> Steps<'a> {
    /// Whose request it is.
    pub fn client(&self) -> Option<Lane> {
        let seen = [self.sent, self.head, self.end, self.last_received];
        seen.into_iter().flatten().next().map(|event| event.lane)
    }

    /// Is it a stream (SSE, WebSocket), which has messages instead of an end? A poll has both.
    pub fn is_stream(&self) -> bool {
        self.received > 0 && self.end.is_none()
            || self
                .head
                .is_some_and(|event| event.kind == Kind::StreamOpened)
    }

    /// Does a program that is no browser ask?
    pub fn is_terminal(&self) -> bool {
        self.client()
            .is_some_and(|lane| lane.kind == LaneKind::Terminal)
    }

    /// `GET /api/echo`, as the client said it, or else as the server read it.
    pub fn words(&self) -> Option<&'a str> {
        [self.sent, self.first_read, self.parse]
            .into_iter()
            .flatten()
            .find_map(|event| event.detail.summary.as_deref())
    }

    /// The status code, from whoever told it first.
    pub fn status(&self) -> Option<u16> {
        [self.head, self.end, self.respond, self.first_write]
            .into_iter()
            .flatten()
            .find_map(|event| event.detail.status)
    }

    /// From the first byte read to the last byte written: how long the server had it.
    pub fn at_server(&self) -> Option<Stretch> {
        let (from, to) = (self.first_read?, self.last_write?);
        Some(Stretch {
            from_ns: from.at_ns,
            to_ns: to.end_ns().max(from.at_ns),
            error_ns: from.error_ns.saturating_add(to.error_ns),
            truth: Truth::Derived,
        })
    }

    /// From sending to the complete response, at the client.
    pub fn whole(&self) -> Option<Stretch> {
        Some(Stretch::between(self.sent?, self.end?))
    }

    /// What was spent on the way, both ways together: the client's time less the server's. The offset between the two
    /// clocks cancels out, so that what remains in doubt is what each clock is blunt by.
    pub fn on_the_way_ns(&self) -> Option<i64> {
        Some((self.whole()?.ns() - self.at_server()?.ns()).max(0))
    }
}
