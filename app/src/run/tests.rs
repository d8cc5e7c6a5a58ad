use proptest::prelude::*;
use wire::trace::{Kind, Lane, Run as Saved, SpanId, TraceEvent, TraceId};

use super::{Run, Way};

const MS: i64 = 1_000_000;

fn span(n: u64) -> SpanId {
    SpanId::new(n).expect("not zero")
}

/// Events of one request as both sides tell them, numbered in the order given.
pub(crate) struct Told {
    events: Vec<TraceEvent>,
}

impl Told {
    pub(crate) fn new() -> Told {
        Told { events: Vec::new() }
    }

    pub(crate) fn at(
        mut self,
        lane: Lane,
        kind: Kind,
        at_us: i64,
        fill: impl FnOnce(&mut TraceEvent),
    ) -> Told {
        let mut event = TraceEvent::new(lane, kind, at_us * 1_000, 100_000);
        event.seq = self.events.len() as u64 + 1;
        event.detail.exchange = Some(span(1));
        fill(&mut event);
        self.events.push(event);
        self
    }

    pub(crate) fn run(self) -> Run {
        let mut run = Run::new();
        run.begin(
            TraceId::new(7).expect("not zero"),
            "2026-11-24T02:00:00.000000Z",
        );
        for event in self.events {
            assert!(run.apply(event));
        }
        run
    }
}

fn lasting(us: u64) -> impl FnOnce(&mut TraceEvent) {
    move |event| event.duration_ns = Some(us * 1_000)
}

fn bytes(offset: u64, count: u64) -> impl FnOnce(&mut TraceEvent) {
    move |event| {
        event.detail.offset = Some(offset);
        event.bytes = Some(count);
    }
}

fn with_head(head: u64, offset: u64, count: u64) -> impl FnOnce(&mut TraceEvent) {
    move |event| {
        bytes(offset, count)(event);
        event.detail.head_bytes = Some(head);
    }
}

#[test]
fn work_in_steps_is_added_up_as_far_as_the_response_waited_for_it() {
    let mut told = Told::new().at(Lane::SOCKET, Kind::Read, 0, bytes(0, 400));
    for step in 0..5 {
        told = told.at(
            Lane::HANDLER,
            Kind::Process,
            step * 100_000,
            lasting(100_000),
        );
    }
    let gives_up = |event: &mut TraceEvent| event.detail.status = Some(504);
    let run = told
        .at(Lane::HANDLER, Kind::Respond, 250_000, gives_up)
        .run();
    let steps = run.exchanges()[0].steps(&run);
    assert_eq!(steps.worked_ns, 250 * MS);
}

fn answered() -> Told {
    // The browser's events come after the server's, as they do on the feed.
    Told::new()
        .at(Lane::SOCKET, Kind::Read, 300, with_head(412, 0, 412))
        .at(Lane::HANDLER, Kind::Parse, 300, lasting(300))
        .at(Lane::HANDLER, Kind::Process, 600, lasting(40_000))
        .at(Lane::HANDLER, Kind::Respond, 40_600, |event| {
            event.detail.status = Some(200)
        })
        .at(Lane::SOCKET, Kind::Write, 40_700, with_head(120, 0, 520))
        .at(Lane::SOCKET, Kind::Write, 40_750, bytes(520, 400))
        .at(Lane::BROWSER, Kind::RequestSent, 0, |event| {
            event.detail.summary = Some("GET /api/echo".into());
        })
        .at(Lane::BROWSER, Kind::ResponseHead, 41_000, |event| {
            event.detail.status = Some(200)
        })
        .at(Lane::BROWSER, Kind::ResponseData, 41_100, bytes(0, 800))
        .at(Lane::BROWSER, Kind::ResponseEnd, 41_200, bytes(0, 800))
}

#[test]
fn an_event_counts_once_and_stands_where_it_happened() {
    let mut run = answered().run();
    let (len, version) = (run.len(), run.version());
    let again = run.events().first().expect("some").clone();
    assert!(!run.apply(again), "the same number again");
    assert!(
        !run.apply(TraceEvent::new(Lane::SOCKET, Kind::Read, 0, 0)),
        "no number"
    );
    assert_eq!((run.len(), run.version()), (len, version));
    assert_eq!(
        run.in_time().next().map(|event| event.kind),
        Some(Kind::RequestSent)
    );
    assert_eq!(run.by_seq(4).map(|event| event.kind), Some(Kind::Respond));
    assert_eq!(run.lanes(), [Lane::BROWSER, Lane::SOCKET, Lane::HANDLER]);
    assert_eq!(run.span_ns(), Some((0, 41_200_000)));
}

#[test]
fn one_request_in_words() {
    assert_eq!(
        answered().run().summary(),
        "Answered in 41.2 ms: 300 µs parsing, 40 ms working, 750 µs on the way (± 200 µs)."
    );
}

#[test]
fn what_is_not_over_says_how_far_it_is() {
    let sent = || Told::new().at(Lane::BROWSER, Kind::RequestSent, 0, |_| {});
    assert_eq!(
        sent().run().summary(),
        "Sent; the server has read nothing of it yet."
    );
    let read = || sent().at(Lane::SOCKET, Kind::Read, 300, with_head(412, 0, 412));
    assert_eq!(
        read().run().summary(),
        "The server has the request and works on it."
    );
    let failed = read().at(Lane::BROWSER, Kind::Failed, 2_000_000, |event| {
        event.detail.why = Some("network error".into());
    });
    assert_eq!(failed.run().summary(), "Failed after 2 s: network error.");
    let aborted = sent().at(Lane::BROWSER, Kind::Aborted, 1_500, |_| {});
    assert_eq!(aborted.run().summary(), "Given up after 1.5 ms.");
    assert_eq!(Run::new().summary(), "");
}

#[test]
fn a_refusal_is_an_answer_too() {
    let run = answered()
        .at(Lane::BROWSER, Kind::RequestSent, 1_000_000, |event| {
            event.detail.exchange = Some(span(2));
        })
        .at(Lane::BROWSER, Kind::ResponseEnd, 1_002_000, |event| {
            event.detail.exchange = Some(span(2));
            event.detail.status = Some(413);
        })
        .run();
    assert_eq!(
        run.summary(),
        "2 requests. The last: Answered with 413 in 2 ms (± 200 µs)."
    );
}

#[test]
fn a_terminal_is_told_by_the_server_alone() {
    let run = Told::new()
        .at(Lane::TERMINAL, Kind::RequestSent, 200, |_| {})
        .at(Lane::SOCKET, Kind::Read, 300, with_head(80, 0, 80))
        .at(Lane::HANDLER, Kind::Parse, 300, lasting(40))
        .at(Lane::SOCKET, Kind::Write, 700, with_head(120, 0, 520))
        .run();
    assert_eq!(
        run.summary(),
        "Answered in 400 µs, as the server saw it: 40 µs parsing."
    );
}

#[test]
fn two_runs_differ_in_words() {
    let quick = answered().run();
    let slow = {
        let mut told = answered();
        for event in &mut told.events {
            match event.kind {
                Kind::Process => event.duration_ns = Some(60_000_000),
                _ if event.at_ns > 40_000_000 => event.at_ns += 20_000_000,
                _ => {}
            }
        }
        told.run()
    };
    assert_eq!(
        slow.difference_from(&quick),
        "This run took 61.2 ms, the kept one 41.2 ms: 20 ms slower, 20 ms of it working."
    );
    assert_eq!(
        quick.difference_from(&slow),
        "This run took 41.2 ms, the kept one 61.2 ms: 20 ms quicker, 20 ms of it working."
    );
    assert_eq!(
        quick.difference_from(&quick),
        "This run took 41.2 ms, the kept one 41.2 ms: as long."
    );
    let waiting = {
        let mut told = answered();
        told.events.truncate(1);
        told.run()
    };
    assert_eq!(
        waiting.difference_from(&quick),
        "This run has no answer so far; the kept one took 41.2 ms."
    );
    assert_eq!(
        quick.difference_from(&waiting),
        "This run took 41.2 ms; the kept one has no answer."
    );
}

fn ends(run: &Run, way: Way) -> Vec<(u64, u64)> {
    let seq = |index: u32| run.events().get(index as usize).expect("an event").seq;
    run.arrows()
        .iter()
        .filter(|arrow| arrow.way == way)
        .map(|arrow| (seq(arrow.from), seq(arrow.to)))
        .collect()
}

#[test]
fn what_travelled_has_two_ends() {
    let run = answered().run();
    assert_eq!(ends(&run, Way::Request), [(7, 1)]);
    // The first write carries the head, the second one the body's end.
    assert_eq!(ends(&run, Way::Response), [(5, 8), (6, 9)]);
    assert_eq!(ends(&run, Way::Handover), [(1, 2), (4, 5)]);
}

#[test]
fn progress_meets_the_read_that_takes_its_last_byte() {
    let run = Told::new()
        .at(Lane::BROWSER, Kind::RequestSent, 0, |_| {})
        .at(Lane::SOCKET, Kind::Read, 300, with_head(100, 0, 600))
        .at(Lane::SOCKET, Kind::Read, 900, bytes(600, 500))
        .at(Lane::SOCKET, Kind::Read, 2_000, bytes(1_100, 1_000))
        .at(Lane::BROWSER, Kind::Progress, 1_500, |event| {
            event.bytes = Some(2_000)
        })
        // Said only after the server had it: no arrow back in time.
        .at(Lane::BROWSER, Kind::Progress, 3_000, |event| {
            event.bytes = Some(2_000)
        })
        .run();
    assert_eq!(ends(&run, Way::Upload), [(5, 4)]);
}

#[test]
fn chunked_bytes_are_matched_in_spite_of_their_framing() {
    let mut told = Told::new().at(Lane::SOCKET, Kind::Write, 0, with_head(100, 0, 100));
    for chunk in 0..4 {
        told = told.at(
            Lane::SOCKET,
            Kind::Write,
            10 + chunk,
            bytes(100 + chunk as u64 * 20, 20),
        );
    }
    told = told.at(Lane::BROWSER, Kind::ResponseHead, 400, |_| {});
    for piece in 0..2 {
        told = told.at(Lane::BROWSER, Kind::ResponseData, 500 + piece, bytes(0, 20));
    }
    let run = told.run();
    assert_eq!(
        ends(&run, Way::Response),
        [(1, 6), (2, 7), (3, 7), (4, 8), (5, 8)]
    );
}

fn message(id: &str) -> impl FnOnce(&mut TraceEvent) {
    move |event| event.detail.message = Some(id.to_owned())
}

#[test]
fn a_message_goes_from_its_write_to_its_subscriber() {
    let run = Told::new()
        .at(Lane::TOPIC, Kind::Published, 0, message("00000001-1"))
        .at(Lane::TOPIC, Kind::Delivered, 100, message("00000001-1"))
        .at(Lane::SOCKET, Kind::Write, 120, bytes(0, 30))
        .at(Lane::TOPIC, Kind::Delivered, 200, message("00000001-2"))
        .at(Lane::SOCKET, Kind::Write, 220, bytes(30, 30))
        .at(
            Lane::subscriber(1),
            Kind::Received,
            1_100,
            message("00000001-1"),
        )
        .at(
            Lane::subscriber(1),
            Kind::Received,
            1_200,
            message("00000001-2"),
        )
        .run();
    assert_eq!(ends(&run, Way::Message), [(3, 6), (5, 7)]);
    assert_eq!(ends(&run, Way::Handover), [(2, 3), (4, 5)]);
    assert_eq!(
        run.summary(),
        "2 messages received by 1 subscriber, 1.1 ms after publishing ± 200 µs."
    );
}

#[test]
fn frames_of_an_open_socket_meet_the_read_that_takes_them_in() {
    let run = Told::new()
        .at(Lane::SOCKET, Kind::Read, 300, with_head(400, 0, 400))
        .at(Lane::SOCKET, Kind::Read, 5_200, bytes(400, 60))
        .at(Lane::SOCKET, Kind::Read, 9_200, bytes(460, 120))
        .at(Lane::subscriber(1), Kind::RequestSent, 0, |_| {})
        .at(Lane::BROWSER, Kind::Sent, 5_000, bytes(0, 54))
        .at(Lane::BROWSER, Kind::Sent, 9_000, bytes(0, 54))
        .at(Lane::BROWSER, Kind::Sent, 9_010, bytes(0, 54))
        .run();
    assert_eq!(ends(&run, Way::Request), [(4, 1), (5, 2), (6, 3), (7, 3)]);
}

#[test]
fn a_poll_that_brought_a_message_is_no_stream() {
    let run = answered()
        .at(Lane::BROWSER, Kind::Received, 41_250, message("0000000a-1"))
        .run();
    let steps = run.exchanges()[0].steps(&run);
    assert!(!steps.is_stream() && steps.received == 1);
}

#[test]
fn an_upload_in_words() {
    let mut told = Told::new();
    for part in 1..=2_u64 {
        told = told
            .at(
                Lane::BROWSER,
                Kind::RequestSent,
                part as i64 * 100_000,
                |event| {
                    event.detail.exchange = Some(span(part));
                },
            )
            .at(
                Lane::STORAGE,
                Kind::Stored,
                part as i64 * 100_000 + 50_000,
                |event| {
                    event.detail.exchange = Some(span(part));
                    event.bytes = Some(4_000_000);
                },
            )
            .at(
                Lane::BROWSER,
                Kind::ResponseEnd,
                part as i64 * 100_000 + 60_000,
                |event| {
                    event.detail.exchange = Some(span(part));
                },
            );
    }
    let told = told
        .at(Lane::BROWSER, Kind::Marked, 155_000, |event| {
            event.detail.exchange = None;
            event.detail.summary = Some("Paused at 3.1 MB".into());
        })
        .at(Lane::BROWSER, Kind::Hashed, 90_000, |event| {
            event.detail.sha256 = Some("ab".into())
        })
        .at(Lane::STORAGE, Kind::Hashed, 254_000, |_| {})
        .at(Lane::STORAGE, Kind::Finished, 255_000, |event| {
            event.detail.sha256 = Some("ab".into())
        });
    assert_eq!(
        told.run().summary(),
        "8 MB stored in 2 requests and 160 ms (50 MB/s), paused once. Both ends computed the same SHA-256."
    );
}

#[test]
fn a_part_of_a_run_is_a_run() {
    let run = answered()
        .at(Lane::BROWSER, Kind::RequestSent, 1_000_000, |event| {
            event.detail.exchange = Some(span(2));
        })
        .run();
    let part = run.only(&[span(1)]);
    assert_eq!(part.len(), 10);
    assert_eq!(part.exchanges().len(), 1);
}

#[test]
fn a_saved_run_comes_back_as_it_was() {
    let run = answered().run();
    let saved = run.to_saved().expect("it has an id");
    let text = serde_json::to_string(&saved).expect("serializes");
    let back = Run::from_json(&text).expect("a run");
    assert_eq!(back.to_saved(), Some(saved));
    assert_eq!(back.summary(), run.summary());
    assert_eq!(
        Run::new().to_saved(),
        None,
        "a run that has not begun has no id"
    );
}

#[test]
fn what_is_no_run_is_refused_in_words() {
    let later = r#"{"version":2,"surprise":true}"#;
    assert_eq!(
        Run::from_json(later).expect_err("later").to_string(),
        "It is of version 2, and this page reads versions up to 1. Open it with the Roundtrip that saved it."
    );
    for bad in ["", "{}", "[1]", r#"{"version":1}"#, "\u{fffd}"] {
        let words = Run::from_json(bad).expect_err(bad).to_string();
        assert!(words.contains("not a saved run"), "{words}");
    }
}

#[test]
fn a_saved_run_at_the_limit_and_one_past_it() {
    let saved = |count: usize| Saved {
        version: 1,
        run: TraceId::new(7).expect("not zero"),
        started_at: "2026-11-24T02:00:00.000000Z".into(),
        dropped: 0,
        events: (1..=count as u64)
            .map(|seq| TraceEvent {
                seq,
                ..TraceEvent::new(Lane::SOCKET, Kind::Read, 0, 0)
            })
            .collect(),
    };
    let most = wire::limits::RUN_EVENTS_MAX;
    assert_eq!(
        Run::from_saved(saved(most)).expect("at the limit").len(),
        most
    );
    assert!(Run::from_saved(saved(most + 1)).is_err());
}

proptest! {
    #[test]
    fn the_order_of_arrival_does_not_matter(
        events in prop::collection::vec((1_u64..60, 0_i64..50 * MS), 1..80),
    ) {
        let make = |(seq, at_ns): &(u64, i64)| {
            let mut event = TraceEvent::new(Lane::SOCKET, Kind::Read, *at_ns, 0);
            event.seq = *seq;
            event.detail.exchange = Some(span(*seq % 3 + 1));
            event
        };
        let mut first = std::collections::BTreeMap::new();
        let mut run = Run::new();
        for event in &events {
            let fresh = !first.contains_key(&event.0);
            prop_assert_eq!(run.apply(make(event)), fresh);
            first.entry(event.0).or_insert(event.1);
        }
        let mut other = Run::new();
        for (seq, at_ns) in first.iter().rev() {
            other.apply(make(&(*seq, *at_ns)));
        }
        let list = |run: &Run| run.in_time().map(|event| (event.at_ns, event.seq)).collect::<Vec<_>>();
        prop_assert_eq!(list(&run), list(&other));
        prop_assert!(list(&run).is_sorted());
        prop_assert_eq!(run.len(), first.len());
    }
}
