//! What a way of hearing came to, in figures, computed from the events of the listener's exchanges.

use wire::{
    json::Json,
    time::{bytes, duration},
    trace::{Kind, SpanId, TraceEvent},
};

use crate::{components::notice::grouped, run::Run};

/// What it came to, as far as the events tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Requests that the listener made, and those that its browser made again by itself.
    pub requests: u64,
    /// Those that were answered to their end and brought no message.
    pub empty: u64,
    /// Messages that came, with the bytes of what was published.
    pub messages: u64,
    /// The bytes of the messages themselves.
    pub payload: u64,
    /// The bytes of start lines and header fields, both ways.
    pub head: u64,
    /// The bytes of bodies and frames, both ways.
    pub body: u64,
    /// From the topic's taking a message until it was handed to the listener's connection, on the server's clock.
    pub waits: Spread,
    /// From the topic's taking a message until the listener had it.
    pub ways: Spread,
    /// How far one of `ways` may be off, in nanoseconds: the two ends have two clocks.
    pub error_ns: u64,
    /// How long the handler held each request.
    pub held: Spread,
    /// How long streams were open.
    pub open: Spread,
    /// Messages that the topic had before the request that brought them.
    pub caught_up: u64,
}

/// Several durations, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub total_ns: i64,
    /// The longest.
    pub most_ns: i64,
}

impl Spread {
    fn take(&mut self, ns: i64) {
        // Two clocks may disagree by more than the way took; it took no less than nothing.
        let ns = ns.max(0);
        self.count += 1;
        self.total_ns = self.total_ns.saturating_add(ns);
        self.most_ns = self.most_ns.max(ns);
    }

    /// The mean, in nanoseconds; 0 of none.
    pub fn mean_ns(&self) -> i64 {
        self.total_ns / (self.count.max(1) as i64)
    }

    /// `412 ms`, or of several `412 ms on average (at most 980 ms)`.
    pub fn words(&self) -> String {
        match self.count {
            0 => "not measured".to_owned(),
            1 => duration(self.most_ns),
            _ => format!(
                "{} on average (at most {})",
                duration(self.mean_ns()),
                duration(self.most_ns)
            ),
        }
    }
}

impl Figures {
    /// The figures of these exchanges in the run.
    pub fn of(run: &Run, spans: &[SpanId]) -> Figures {
        let mut figures = Figures::default();
        for span in spans {
            if let Some(exchange) = run.exchange(*span) {
                let events: Vec<&TraceEvent> = exchange.events(run).collect();
                figures.take(&events);
            }
        }
        figures
    }

    fn take(&mut self, events: &[&TraceEvent]) {
        let (mut asked, mut heads, mut ended, mut messages) = (0, 0, false, 0);
        let (mut opened, mut closed, mut began) = (None, None, None);
        for event in events {
            let count = event.bytes.unwrap_or(0);
            match event.kind {
                Kind::RequestSent => asked = 1,
                Kind::ResponseEnd => ended = event.detail.status.is_some_and(|status| status < 300),
                Kind::Read | Kind::Write => {
                    began.get_or_insert(event.at_ns);
                    let is_request = event.kind == Kind::Read;
                    heads += u64::from(is_request && event.detail.head_bytes.is_some());
                    let head = head_of(event);
                    self.head += head;
                    self.body += count.saturating_sub(head);
                }
                Kind::Process => self.held.take(event.duration_ns.unwrap_or(0) as i64),
                Kind::StreamOpened => opened = opened.or(Some(event.at_ns)),
                Kind::StreamClosed => closed = Some(event.at_ns),
                Kind::Received => {
                    messages += 1;
                    self.payload += count;
                    let delivered = (events.iter().copied()).find(|other| {
                        other.kind == Kind::Delivered
                            && other.detail.message == event.detail.message
                    });
                    if let Some(delivered) = delivered {
                        self.message(delivered, event, began);
                    }
                }
                _ => {}
            }
        }
        self.requests += heads.max(asked);
        self.empty += u64::from(ended && messages == 0);
        self.messages += messages;
        if let Some(opened) = opened {
            let last = events.iter().map(|event| event.end_ns()).max();
            let until = closed.or(last).unwrap_or(opened);
            self.open.take(until.saturating_sub(opened));
        }
    }

    fn message(&mut self, delivered: &TraceEvent, received: &TraceEvent, began: Option<i64>) {
        let more = &delivered.detail.more;
        let Some(published_ns) = more.get("published_at_ns").and_then(Json::as_i64) else {
            return;
        };
        self.waits
            .take(delivered.at_ns.saturating_sub(published_ns));
        self.ways.take(received.at_ns.saturating_sub(published_ns));
        let error_ns = delivered.error_ns.saturating_add(received.error_ns);
        self.error_ns = self.error_ns.max(error_ns);
        self.caught_up += u64::from(began.is_some_and(|began_ns| published_ns < began_ns));
    }

    /// `Each message`, or `The message` of one; empty while none has come all the way.
    pub fn subject(&self) -> &'static str {
        match self.ways.count {
            0 => "",
            1 => "The message",
            _ => "Each message",
        }
    }

    /// `12, 9 of them empty`.
    pub fn request_words(&self) -> String {
        let requests = grouped(self.requests);
        match self.empty {
            0 => requests,
            empty => format!("{requests}, {} of them empty", grouped(empty)),
        }
    }

    /// `0.9 ms on average (at most 1.4 ms) ± 0.1 ms`.
    pub fn way_words(&self) -> String {
        match self.ways.count {
            0 => self.ways.words(),
            _ => format!("{} ± {}", self.ways.words(), duration(self.error_ns as i64)),
        }
    }

    /// `11.4 kB of header for 96 B of message`.
    pub fn cost_words(&self) -> String {
        format!(
            "{} of header for {} of message",
            bytes(self.head),
            bytes(self.payload)
        )
    }
}

/// How many of a read's or a write's bytes belong to the message's head.
fn head_of(event: &TraceEvent) -> u64 {
    let count = event.bytes.unwrap_or(0);
    match (event.detail.head_bytes, event.detail.part) {
        // The read that completes the head: what of it came before stands in earlier reads.
        (Some(head), _) => head
            .saturating_sub(event.detail.offset.unwrap_or(0))
            .min(count),
        (None, Some(wire::trace::Part::Head)) => count,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::trace::{Lane, Part};

    /// A run of one listener: `(exchange, kind, at, more)`.
    struct Script {
        run: Run,
        seq: u64,
    }

    impl Script {
        fn new() -> Script {
            Script {
                run: Run::new(),
                seq: 0,
            }
        }

        fn event(
            &mut self,
            exchange: u64,
            kind: Kind,
            at_ns: i64,
            fill: impl FnOnce(&mut TraceEvent),
        ) {
            self.seq += 1;
            let mut event = TraceEvent::new(Lane::subscriber(1), kind, at_ns, 50_000);
            event.seq = self.seq;
            event.detail.exchange = SpanId::new(exchange);
            fill(&mut event);
            self.run.apply(event);
        }

        fn message(
            &mut self,
            exchange: u64,
            id: &str,
            published_ns: i64,
            delivered_ns: i64,
            received_ns: i64,
        ) {
            self.event(exchange, Kind::Delivered, delivered_ns, |event| {
                event.error_ns = 40;
                event.detail.message = Some(id.into());
                event
                    .detail
                    .more
                    .insert("published_at_ns".into(), published_ns.into());
            });
            self.event(exchange, Kind::Received, received_ns, |event| {
                event.bytes = Some(12);
                event.detail.message = Some(id.into());
            });
        }

        /// A poll: its request and its response, the head 300 B each way.
        fn poll(&mut self, exchange: u64, at_ns: i64, body: u64) {
            self.event(exchange, Kind::RequestSent, at_ns, |_| {});
            self.event(exchange, Kind::Read, at_ns + 10_000, |event| {
                event.bytes = Some(300);
                event.detail.part = Some(Part::Head);
                event.detail.head_bytes = Some(300);
            });
            self.event(exchange, Kind::Write, at_ns + 20_000, |event| {
                event.bytes = Some(300 + body);
                event.detail.part = Some(Part::HeadAndBody);
                event.detail.head_bytes = Some(300);
            });
            self.event(exchange, Kind::ResponseEnd, at_ns + 30_000, |event| {
                event.detail.status = Some(200)
            });
        }

        fn figures(&self, exchanges: &[u64]) -> Figures {
            let spans: Vec<SpanId> = exchanges.iter().filter_map(|id| SpanId::new(*id)).collect();
            Figures::of(&self.run, &spans)
        }
    }

    #[test]
    fn polls_are_counted_and_what_a_message_waited_is_measured_on_the_servers_clock() {
        let mut script = Script::new();
        script.poll(1, 1_000_000_000, 60);
        script.poll(2, 2_000_000_000, 160);
        script.message(2, "0000000a-1", 1_600_000_000, 2_000_015_000, 2_000_030_000);
        // Another's exchange does not count.
        script.poll(9, 2_500_000_000, 60);
        let figures = script.figures(&[1, 2]);
        assert_eq!(
            (figures.requests, figures.empty, figures.messages),
            (2, 1, 1)
        );
        assert_eq!(
            (figures.head, figures.body, figures.payload),
            (1_200, 220, 12)
        );
        assert_eq!(figures.waits.most_ns, 400_015_000);
        assert_eq!(figures.ways.most_ns, 400_030_000);
        assert_eq!((figures.error_ns, figures.caught_up), (50_040, 1));
        assert_eq!(figures.request_words(), "2, 1 of them empty");
        assert_eq!(figures.cost_words(), "1.2 kB of header for 12 B of message");
    }

    #[test]
    fn a_stream_is_open_until_it_closes_or_until_the_last_that_is_known() {
        let mut script = Script::new();
        script.event(1, Kind::RequestSent, 0, |_| {});
        script.event(1, Kind::Read, 500, |_| {});
        script.event(1, Kind::StreamOpened, 1_000, |_| {});
        script.message(1, "0000000a-1", 2_000, 2_100, 2_500);
        assert_eq!(script.figures(&[1]).open.total_ns, 1_500);
        script.message(1, "0000000a-2", 3_000, 3_200, 3_500);
        script.event(1, Kind::StreamClosed, 9_000, |_| {});
        let figures = script.figures(&[1]);
        assert_eq!((figures.open.count, figures.open.total_ns), (1, 8_000));
        assert_eq!((figures.empty, figures.caught_up), (0, 0));
        assert_eq!(figures.waits.words(), "150 ns on average (at most 200 ns)");
        assert_eq!(
            figures.way_words(),
            "500 ns on average (at most 500 ns) ± 50 µs"
        );
    }

    #[test]
    fn a_head_in_two_reads_is_counted_once() {
        let mut script = Script::new();
        script.event(1, Kind::Read, 0, |event| {
            event.bytes = Some(100);
            event.detail.part = Some(Part::Head);
        });
        script.event(1, Kind::Read, 5, |event| {
            event.bytes = Some(250);
            event.detail.part = Some(Part::HeadAndBody);
            event.detail.offset = Some(100);
            event.detail.head_bytes = Some(300);
        });
        let figures = script.figures(&[1]);
        assert_eq!((figures.head, figures.body), (300, 50));
    }

    #[test]
    fn nothing_measured_says_so() {
        let figures = Script::new().figures(&[1]);
        assert_eq!(figures, Figures::default());
        assert_eq!(
            (figures.subject(), figures.way_words().as_str()),
            ("", "not measured")
        );
    }
}
