//! What one way came to, computed from the events of its requests: how much of the file the server had when.

use wire::{
    json::Json,
    trace::{Kind, SpanId, TraceEvent},
};

use crate::run::Run;

/// A request that carried some of the file, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its exchange.
    pub span: SpanId,
    /// Where in the file its body begins.
    pub base: u64,
}

/// What one way came to. All times are the server's, in nanoseconds since the run's start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Track {
    /// How much of the file the server had, from when on.
    pub points: Vec<(i64, u64)>,
    /// Requests that reached the server.
    pub requests: u64,
    /// Bytes of heads, both ways.
    pub head: u64,
    /// Bytes of the file that reached the server's socket, each as often as it came.
    pub read: u64,
    /// Up to which byte of the file it came.
    pub high: u64,
    /// When the line dropped, and behind which byte of the file.
    pub cut: Option<(i64, u64)>,
    /// When the server had more than it had when the line dropped.
    pub recovered_ns: Option<i64>,
}

impl Track {
    /// What these requests came to. `starts_over` is a way of which a cut leaves nothing.
    pub fn of(run: &Run, parts: &[Part], starts_over: bool) -> Track {
        let mut track = Track::default();
        for part in parts {
            let mut head = 0;
            let events = run.exchange(part.span).map(|exchange| exchange.events(run));
            for event in events.into_iter().flatten() {
                track.take(event, part.base, &mut head, starts_over);
            }
        }
        track
    }

    fn take(&mut self, event: &TraceEvent, base: u64, head: &mut u64, starts_over: bool) {
        let bytes = event.bytes.unwrap_or(0);
        let offset = event.detail.offset.unwrap_or(0);
        match event.kind {
            Kind::Read => {
                if let Some(length) = event.detail.head_bytes {
                    *head = length;
                    self.requests += 1;
                    self.head += length;
                }
                // Before the head is complete there is nothing of the file.
                let body = match *head {
                    0 => 0,
                    head => (offset + bytes).saturating_sub(offset.max(head)),
                };
                if body > 0 {
                    self.read += body;
                    self.stands(event.at_ns, base + (offset + bytes) - *head);
                }
            }
            Kind::Write => self.head += event.detail.head_bytes.unwrap_or(0),
            Kind::Fault if event.detail.more.get("fault").and_then(Json::as_str) == Some("cut") => {
                self.cut = Some((event.at_ns, base + bytes));
                if starts_over {
                    self.points.push((event.at_ns, 0));
                }
            }
            _ => {}
        }
    }

    fn stands(&mut self, at_ns: i64, position: u64) {
        self.high = self.high.max(position);
        if let Some((_, cut)) = self.cut
            && position > cut
        {
            self.recovered_ns = self.recovered_ns.or(Some(at_ns));
        }
        self.points.push((at_ns, position));
    }

    /// Bytes of the file that came a second time.
    pub fn again(&self) -> u64 {
        self.read - self.high.min(self.read)
    }

    /// From the cut until the server had more than before.
    pub fn recovery_ns(&self) -> Option<i64> {
        Some(self.recovered_ns? - self.cut?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::trace::Lane;

    #[derive(Default)]
    struct Script {
        run: Run,
        seq: u64,
    }

    impl Script {
        fn event(
            &mut self,
            exchange: u64,
            kind: Kind,
            at_ns: i64,
            bytes: u64,
            fill: impl FnOnce(&mut TraceEvent),
        ) {
            self.seq += 1;
            let mut event = TraceEvent::new(Lane::SOCKET, kind, at_ns, 40);
            event.seq = self.seq;
            event.bytes = Some(bytes);
            event.detail.exchange = SpanId::new(exchange);
            fill(&mut event);
            self.run.apply(event);
        }

        /// A request with a head of 100 bytes, whose body comes in reads of 10.
        fn request(&mut self, exchange: u64, at_ns: i64, body: u64) {
            self.event(exchange, Kind::Read, at_ns, 100 + body.min(4), |event| {
                event.detail.head_bytes = Some(100);
            });
            let mut offset = 104;
            while offset < 100 + body {
                let bytes = 10.min(100 + body - offset);
                self.event(
                    exchange,
                    Kind::Read,
                    at_ns + offset as i64 - 100,
                    bytes,
                    |event| {
                        event.detail.offset = Some(offset);
                    },
                );
                offset += bytes;
            }
        }

        fn cut(&mut self, exchange: u64, at_ns: i64, bytes: u64) {
            self.event(exchange, Kind::Fault, at_ns, bytes, |event| {
                event
                    .detail
                    .more
                    .insert("fault".to_owned(), Json::Text("cut".to_owned()));
            });
        }

        fn answer(&mut self, exchange: u64, at_ns: i64) {
            self.event(exchange, Kind::Write, at_ns, 60, |event| {
                event.detail.head_bytes = Some(50);
            });
        }
    }

    fn parts(parts: &[(u64, u64)]) -> Vec<Part> {
        let parts = parts.iter().filter_map(|(span, base)| {
            Some(Part {
                span: SpanId::new(*span)?,
                base: *base,
            })
        });
        parts.collect()
    }

    #[test]
    fn one_request_that_is_cut_sends_all_of_it_again() {
        let mut script = Script::default();
        script.request(1, 0, 60);
        script.cut(1, 70, 60);
        script.request(2, 200, 100);
        script.answer(2, 320);
        let track = Track::of(&script.run, &parts(&[(1, 0), (2, 0)]), true);
        assert_eq!((track.read, track.high, track.again()), (160, 100, 60));
        assert_eq!((track.requests, track.head), (2, 250));
        assert_eq!(track.cut, Some((70, 60)));
        assert!(track.points.contains(&(70, 0)));
        // Byte 61 is in the read that ends at 64, which came at 254.
        assert_eq!(track.recovery_ns(), Some(254 - 70));
        assert_eq!(track.points.last(), Some(&(294, 100)));
    }

    #[test]
    fn chunks_go_on_where_the_server_says() {
        let mut script = Script::default();
        script.request(1, 0, 50);
        script.answer(1, 60);
        script.request(2, 100, 10);
        script.cut(2, 120, 10);
        script.request(3, 130, 0);
        script.request(4, 140, 45);
        let parts = parts(&[(1, 0), (2, 50), (3, 55), (4, 55)]);
        let track = Track::of(&script.run, &parts, false);
        assert_eq!((track.read, track.high, track.again()), (105, 100, 5));
        assert_eq!(track.requests, 4);
        assert_eq!(track.cut, Some((120, 60)));
        assert_eq!(track.recovery_ns(), Some(144 - 120));
        assert!(!track.points.iter().any(|(_, bytes)| *bytes == 0));
    }

    #[test]
    fn nothing_is_known_of_what_has_not_come() {
        let track = Track::of(&Run::new(), &parts(&[(1, 0)]), true);
        assert_eq!(track, Track::default());
        assert_eq!((track.again(), track.recovery_ns()), (0, None));
    }
}
