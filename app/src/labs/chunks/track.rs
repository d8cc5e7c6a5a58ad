//! What one way came to, computed from the events of its requests: how much of the file the server had when.

use wire::{
    json::Json,
    trace::{Kind, SpanId, TraceEvent},
};

use crate::{order::by_number, run::Run};

/// A request that carried some of the file, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its exchange.
    pub span: SpanId,
    /// Where in the file its body begins.
    pub base: u64,
    /// Where the stretch of the file begins that is sent in order: 0, where there is but one.
    pub from: u64,
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
    /// How much of the file that is.
    pub high: u64,
    /// When the line dropped, and behind which byte of the file.
    pub cut: Option<(i64, u64)>,
    /// When the server had what lies behind that byte.
    pub recovered_ns: Option<i64>,
    /// Chunks that the server refused, as their checksum did not fit.
    pub refused: u64,
    /// How far each stretch has come: where it begins, where it stands, and up to where it ever stood.
    pub(super) stretches: Vec<(u64, u64, u64)>,
}

impl Track {
    /// What these requests came to. `starts_over` is a way of which a cut leaves nothing.
    pub fn of(run: &Run, parts: &[Part], starts_over: bool) -> Track {
        let mut track = Track::default();
        let mut heads = vec![0; parts.len()];
        // In the order of time, as several requests may be under way at once.
        let mut events: Vec<(usize, &TraceEvent)> = Vec::new();
        for (place, part) in parts.iter().enumerate() {
            let its = run.exchange(part.span).map(|exchange| exchange.events(run));
            events.extend(its.into_iter().flatten().map(|event| (place, event)));
        }
        by_number(&mut events, |(_, event)| event.at_ns);
        for (place, event) in events {
            track.take(event, parts[place], &mut heads[place], starts_over);
        }
        track
    }

    fn take(&mut self, event: &TraceEvent, part: Part, head: &mut u64, starts_over: bool) {
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
                    self.stands(event.at_ns, part, part.base + (offset + bytes) - *head);
                }
            }
            Kind::Write => self.head += event.detail.head_bytes.unwrap_or(0),
            Kind::Fault if event.detail.more.get("fault").and_then(Json::as_str) == Some("cut") => {
                self.cut = Some((event.at_ns, part.base + bytes));
                if starts_over {
                    self.points.push((event.at_ns, 0));
                }
            }
            Kind::Respond => self.refused += u64::from(event.detail.status == Some(460)),
            _ => {}
        }
    }

    fn stands(&mut self, at_ns: i64, part: Part, position: u64) {
        let found = self
            .stretches
            .iter()
            .position(|(from, ..)| *from == part.from);
        let place = found.unwrap_or_else(|| {
            self.stretches.push((part.from, 0, 0));
            self.stretches.len() - 1
        });
        let (_, now, high) = &mut self.stretches[place];
        *now = position;
        *high = position.max(*high);
        if let Some((_, cut)) = self.cut
            && part.from <= cut
            && part.base <= cut
            && position > cut
        {
            self.recovered_ns = self.recovered_ns.or(Some(at_ns));
        }
        let sum = |of: fn(&(u64, u64, u64)) -> u64| self.stretches.iter().map(of).sum();
        self.high = sum(|(from, _, high)| high - from);
        let here = sum(|(from, now, _)| now - from);
        self.points.push((at_ns, here));
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
                from: 0,
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
    fn stretches_at_once_are_added_up() {
        let mut script = Script::default();
        script.request(1, 0, 50);
        script.request(2, 3, 30);
        script.cut(2, 40, 30);
        script.request(3, 60, 20);
        script.event(3, Kind::Respond, 90, 0, |event| {
            event.detail.status = Some(460);
        });
        let part = |span, base, from| Part {
            span: SpanId::new(span).expect("an id"),
            base,
            from,
        };
        let parts = [part(1, 0, 0), part(2, 50, 50), part(3, 80, 50)];
        let track = Track::of(&script.run, &parts, false);
        assert_eq!((track.read, track.high, track.again()), (100, 100, 0));
        assert_eq!(track.points.last().map(|(_, bytes)| *bytes), Some(100));
        assert!(track.points.is_sorted_by_key(|(at_ns, _)| *at_ns));
        assert_eq!(track.recovery_ns(), Some(60 - 40));
        assert_eq!(track.refused, 1);
    }

    #[test]
    fn nothing_is_known_of_what_has_not_come() {
        let track = Track::of(&Run::new(), &parts(&[(1, 0)]), true);
        assert_eq!(track, Track::default());
        assert_eq!((track.again(), track.recovery_ns()), (0, None));
    }
}
