//! What `/api/echo` leaves in a run, as an ordered list: what a terminal's request with a `traceparent` shows on the
//! timeline.

use server::testing::{TestServer, raw, serve};
use wire::trace::{Kind, LaneKind, Part, Run, SpanId, TraceEvent, Truth};

const RUN: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// Sends a request that closes its connection, and reads its run once the connection's end is in it.
async fn run_of(server: &TestServer, line: &str, fields: &str, body: &str) -> Run {
    let traceparent = format!("traceparent: 00-{RUN}-{SPAN}-01");
    let request = format!(
        "{line}\r\nHost: localhost\r\nConnection: close\r\nUser-Agent: test/1\r\n{traceparent}\r\n{fields}\r\n{body}"
    );
    raw(server, request.as_bytes()).await;
    loop {
        let response = reqwest::get(server.url(&format!("/api/runs/{RUN}")))
            .await
            .expect("an answer");
        assert_eq!(response.status(), 200);
        let run: Run = response.json().await.expect("a run");
        if run.events.iter().any(|event| event.kind == Kind::Closed) {
            return run;
        }
        tokio::task::yield_now().await;
    }
}

/// Where, what, and how it is known; repeated reads or writes told once.
fn told(events: &[TraceEvent]) -> Vec<(LaneKind, Kind, Truth)> {
    let mut told: Vec<_> = events
        .iter()
        .map(|event| (event.lane.kind, event.kind, event.truth))
        .collect();
    told.dedup();
    told
}

fn of(run: &Run, kind: Kind) -> Vec<&TraceEvent> {
    run.events
        .iter()
        .filter(|event| event.kind == kind)
        .collect()
}

#[tokio::test]
async fn a_request_from_a_terminal_is_read_parsed_worked_on_and_written_in_order() {
    let server = serve().await;
    let fields = "Content-Type: application/json\r\nContent-Length: 7\r\n";
    let run = run_of(
        &server,
        "POST /api/echo?delay_ms=5 HTTP/1.1",
        fields,
        "{\"a\":1}",
    )
    .await;
    assert_eq!(run.dropped, 0);
    let measured = Truth::Measured;
    let mut expected = vec![
        (LaneKind::Socket, Kind::Accepted, measured),
        (LaneKind::Socket, Kind::Read, measured),
        (LaneKind::Handler, Kind::Parse, measured),
        (LaneKind::Handler, Kind::Body, measured),
        (LaneKind::Handler, Kind::Process, measured),
        (LaneKind::Handler, Kind::Respond, measured),
        (LaneKind::Socket, Kind::Write, measured),
        (LaneKind::Socket, Kind::Closed, measured),
    ];
    if cfg!(target_os = "linux") {
        // The kernel tells the round-trip time: when the terminal sent and received can be derived.
        expected.insert(1, (LaneKind::Terminal, Kind::RequestSent, Truth::Derived));
        expected.insert(8, (LaneKind::Terminal, Kind::ResponseEnd, Truth::Derived));
    }
    assert_eq!(told(&run.events), expected);

    assert!(
        run.events
            .iter()
            .map(|event| event.seq)
            .eq(1..=run.events.len() as u64)
    );
    let span: SpanId = SPAN.parse().expect("an id");
    for event in &run.events {
        assert_eq!(event.detail.exchange, Some(span), "{event:?}");
        assert!(event.error_ns > 0, "{event:?}");
        assert_eq!(
            event.truth == Truth::Derived,
            event.detail.formula.is_some(),
            "{event:?}"
        );
    }
    // Time goes the same way as the list: each step begins after the one before it.
    let steps = [
        Kind::Read,
        Kind::Body,
        Kind::Process,
        Kind::Respond,
        Kind::Write,
    ];
    let begins: Vec<i64> = steps.iter().map(|kind| of(&run, *kind)[0].at_ns).collect();
    assert!(begins.is_sorted(), "{begins:?}");
    assert_eq!(begins[0], 0, "the run begins with its first byte");
    assert!(of(&run, Kind::Process)[0].duration_ns >= Some(5_000_000));
    assert_eq!(of(&run, Kind::Body)[0].bytes, Some(7));
    assert_eq!(of(&run, Kind::Respond)[0].detail.status, Some(200));
}

#[tokio::test]
async fn a_response_in_chunks_is_several_writes() {
    let server = serve().await;
    let run = run_of(&server, "GET /api/echo?framing=chunked HTTP/1.1", "", "").await;
    assert!(
        of(&run, Kind::Body).is_empty(),
        "a request without a body has no such step"
    );
    let writes = of(&run, Kind::Write);
    assert!(writes.len() >= 4, "{writes:?}");
    assert_eq!(writes[0].detail.offset, Some(0));
    let mut offset = 0;
    for write in &writes {
        assert_eq!(write.detail.offset, Some(offset));
        offset += write.bytes.expect("a write has bytes");
    }
    let bodies = writes
        .iter()
        .filter(|write| write.detail.part == Some(Part::Body));
    assert!(bodies.count() >= 3);
}

#[tokio::test]
async fn a_refusal_is_on_the_timeline_too() {
    let server = serve().await;
    let run = run_of(&server, "GET /api/echo?delay_ms=30001 HTTP/1.1", "", "").await;
    assert_eq!(of(&run, Kind::Respond)[0].detail.status, Some(400));
    assert!(
        of(&run, Kind::Process).is_empty(),
        "it did not get that far"
    );
}

/// The status of `/api/echo` with these fields, and how many events the run has then; `None` where there is no run.
async fn recorded(server: &TestServer, fields: &str) -> (u16, Option<usize>) {
    let request =
        format!("GET /api/echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n");
    let answer = raw(server, request.as_bytes()).await;
    let status = std::str::from_utf8(&answer[9..12]).expect("a status line");
    let run = reqwest::get(server.url(&format!("/api/runs/{RUN}")))
        .await
        .expect("an answer");
    let events = match run.status().as_u16() {
        404 => None,
        _ => Some(run.json::<Run>().await.expect("a run").events.len()),
    };
    (status.parse().expect("digits"), events)
}

#[tokio::test]
async fn flags_00_ask_for_no_record() {
    let server = serve().await;
    for flags in ["00", "02", "fe"] {
        let fields = format!("traceparent: 00-{RUN}-{SPAN}-{flags}\r\n");
        assert_eq!(recorded(&server, &fields).await, (200, None), "{flags}");
    }
    // Of the flags only the lowest bit asks for it; what the others say is for later versions of the standard.
    let fields = format!("traceparent: 00-{RUN}-{SPAN}-ff\r\n");
    let (status, events) = recorded(&server, &fields).await;
    assert!(status == 200 && events.is_some());
}

#[tokio::test]
async fn a_traceparent_that_is_none_is_ignored() {
    let server = serve().await;
    let upper = RUN.to_uppercase();
    let zero_run = "0".repeat(32);
    let zero_span = "0".repeat(16);
    for value in [
        String::new(),
        "nonsense".into(),
        format!("{RUN}-{SPAN}-01"),
        format!("00-{RUN}-{SPAN}"),
        format!("00-{RUN}-{SPAN}-1"),
        format!("00-{RUN}-{SPAN}-01-more"),
        format!("00-{RUN}-{SPAN}-0g"),
        format!("00-{RUN}0-{SPAN}-01"),
        format!("00-{RUN}-{}-01", &SPAN[1..]),
        format!("00-{upper}-{SPAN}-01"),
        format!("00-{zero_run}-{SPAN}-01"),
        format!("00-{RUN}-{zero_span}-01"),
        format!("ff-{RUN}-{SPAN}-01"),
        format!("0-{RUN}-{SPAN}-01"),
        format!("00_{RUN}_{SPAN}_01"),
        format!("00-{RUN}-{SPAN}-01,00-{RUN}-{SPAN}-01"),
    ] {
        let fields = format!("traceparent: {value}\r\n");
        assert_eq!(recorded(&server, &fields).await, (200, None), "{value:?}");
    }
    let twice = format!("traceparent: 00-{RUN}-{SPAN}-01\r\n").repeat(2);
    assert_eq!(recorded(&server, &twice).await, (200, None), "said twice");

    // A later version may say more behind what this one knows, and tracestate is none of this server's business.
    let later = format!("traceparent: cc-{RUN}-{SPAN}-01-more\r\ntracestate: =\r\n");
    let (status, events) = recorded(&server, &later).await;
    assert!(status == 200 && events.is_some());
}
