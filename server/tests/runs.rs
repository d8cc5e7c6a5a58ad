//! `/api/runs/{run}` and `/api/runs/{run}/feed`, over real sockets.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use server::{
    testing::{TestServer, serve},
    trace::Draft,
};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message},
};
use wire::{
    Problem,
    limits::{FEED_FRAME_BYTES_MAX, FEED_FRAME_EVENTS_MAX, RUN_AGE_S, RUN_EVENTS_MAX},
    trace::{
        ClientId, FeedDown, FeedUp, Kind, Lane, RUN_VERSION, Run, TraceEvent, TraceId, Truth,
        close_code,
    },
};

fn id(number: u128) -> TraceId {
    TraceId::new(number).expect("not zero")
}

/// A page that follows a run.
struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Page {
    async fn open(server: &TestServer, run: TraceId) -> Page {
        let url = server.ws_url(&format!("/api/runs/{run}/feed"));
        let (socket, _) = connect_async(url).await.expect("the feed opens");
        Page { socket }
    }

    async fn send(&mut self, up: &FeedUp) {
        let json = serde_json::to_string(up).expect("serializes");
        self.socket.send(Message::text(json)).await.expect("sent");
    }

    async fn message(&mut self) -> Message {
        self.socket
            .next()
            .await
            .expect("the feed goes on")
            .expect("a message")
    }

    async fn down(&mut self) -> FeedDown {
        loop {
            if let Message::Text(text) = self.message().await {
                return serde_json::from_str(&text).expect("a frame of the feed");
            }
        }
    }

    /// The events of the frames that come, until there are this many.
    async fn events(&mut self, count: usize) -> (Vec<TraceEvent>, u64) {
        let mut all = Vec::new();
        loop {
            if let FeedDown::Events { events, dropped } = self.down().await {
                all.extend(events);
                if all.len() >= count {
                    return (all, dropped);
                }
            }
        }
    }

    async fn refused(&mut self) -> Problem {
        match self.down().await {
            FeedDown::Refused(problem) => problem,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    async fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.message().await {
                return frame.expect("a close frame with a code").code.into();
            }
        }
    }
}

fn browser_event() -> TraceEvent {
    TraceEvent::new(Lane::BROWSER, Kind::RequestSent, 0, 100_000)
}

async fn get(server: &TestServer, run: impl std::fmt::Display) -> reqwest::Response {
    reqwest::get(server.url(&format!("/api/runs/{run}")))
        .await
        .expect("an answer")
}

async fn problem(response: reqwest::Response) -> Problem {
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    response.json().await.expect("a problem document")
}

#[tokio::test]
async fn a_run_that_a_request_named_is_there_before_any_page_opens_it() {
    let server = serve().await;
    let run = server.state.recorder().join(id(1)).expect("room");
    let began = Instant::now();
    run.emit(Draft::new(Lane::SOCKET, Kind::Read, began).bytes(412));
    run.emit(
        Draft::new(Lane::HANDLER, Kind::Process, began).until(began + Duration::from_millis(2)),
    );
    run.emit(
        Draft::new(Lane::TERMINAL, Kind::RequestSent, began)
            .derived("first read - rtt / 2", Duration::from_micros(50)),
    );
    let response = get(&server, id(1)).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    let saved: Run = response.json().await.expect("a run");
    assert_eq!(
        (saved.version, saved.run, saved.dropped),
        (RUN_VERSION, id(1), 0)
    );
    let told: Vec<_> = saved
        .events
        .iter()
        .map(|event| (event.seq, event.lane, event.kind, event.truth))
        .collect();
    assert_eq!(
        told,
        [
            (1, Lane::SOCKET, Kind::Read, Truth::Measured),
            (2, Lane::HANDLER, Kind::Process, Truth::Measured),
            (3, Lane::TERMINAL, Kind::RequestSent, Truth::Derived),
        ]
    );
    assert_eq!(saved.events[0].bytes, Some(412));
    assert_eq!(saved.events[1].duration_ns, Some(2_000_000));
    let step = saved.events[0].error_ns;
    assert!(step > 0, "the clock's step is part of the error");
    assert_eq!(saved.events[2].error_ns, step + 50_000);
    assert_eq!(saved.events[2].at_ns, run.at_ns(began));
}

#[tokio::test]
async fn unknown_runs_and_what_is_no_id_are_problems() {
    let server = serve().await;
    let unknown = get(&server, id(2)).await;
    assert_eq!(unknown.status(), 404);
    assert_eq!(problem(unknown).await.kind, "/problems/not-found");
    for bad in [
        "0",
        "x",
        "00000000000000000000000000000000",
        "4BF92F3577B34DA6A3CE929D0E0E4736",
    ] {
        let response = get(&server, bad).await;
        assert_eq!(response.status(), 400, "{bad}");
        assert_eq!(problem(response).await.kind, "/problems/bad-request");
    }
    let plain = reqwest::get(server.url(&format!("/api/runs/{}/feed", id(2))))
        .await
        .expect("an answer");
    assert_eq!(plain.status(), 426);
    assert_eq!(plain.headers()["upgrade"], "websocket");
    assert_eq!(problem(plain).await.kind, "/problems/upgrade-required");
}

#[tokio::test]
async fn a_feed_begins_with_all_so_far_and_goes_on_live() {
    let server = serve().await;
    let run = server.state.recorder().join(id(3)).expect("room");
    run.emit(Draft::new(Lane::SOCKET, Kind::Read, Instant::now()));
    let mut page = Page::open(&server, id(3)).await;
    let FeedDown::Opened(opened) = page.down().await else {
        panic!("the first frame says what was opened");
    };
    assert_eq!(
        (opened.run, opened.events_max, opened.age_s),
        (id(3), RUN_EVENTS_MAX as u64, RUN_AGE_S)
    );
    let (events, dropped) = page.events(1).await;
    assert_eq!((events[0].seq, events[0].kind, dropped), (1, Kind::Read, 0));
    run.emit(Draft::new(Lane::SOCKET, Kind::Write, Instant::now()));
    assert_eq!(page.events(1).await.0[0].kind, Kind::Write);
    let saved: Run = get(&server, id(3)).await.json().await.expect("a run");
    assert_eq!(saved.started_at, opened.started_at);
}

#[tokio::test]
async fn thousands_of_events_come_in_order_and_in_bounded_frames() {
    const COUNT: usize = 5_000;
    let server = serve().await;
    let mut page = Page::open(&server, id(4)).await;
    let run = server.state.recorder().join(id(4)).expect("room");
    for _ in 0..COUNT {
        run.emit(Draft::new(Lane::HANDLER, Kind::Process, Instant::now()));
    }
    let mut frames = 0;
    let mut seqs = Vec::new();
    while seqs.len() < COUNT {
        let Message::Text(text) = page.message().await else {
            continue;
        };
        assert!(text.len() < 80 * 1024, "{} bytes", text.len());
        if let FeedDown::Events { events, dropped } = serde_json::from_str(&text).expect("a frame")
        {
            assert_eq!(dropped, 0);
            frames += 1;
            seqs.extend(events.iter().map(|event| event.seq));
        }
    }
    assert!(seqs.iter().copied().eq(1..=COUNT as u64));
    assert!(frames < COUNT / 10, "{frames} frames");
}

#[tokio::test]
async fn what_one_page_saw_reaches_the_other_and_the_saved_run() {
    let server = serve().await;
    let client = ClientId::new(77).expect("not zero");
    let mut one = Page::open(&server, id(5)).await;
    let mut other = Page::open(&server, id(5)).await;
    one.send(&FeedUp::Hello { client }).await;
    one.send(&FeedUp::Events {
        events: vec![browser_event()],
    })
    .await;
    for page in [&mut one, &mut other] {
        let (events, _) = page.events(1).await;
        assert_eq!(events[0].seq, 1);
        assert_eq!(events[0].detail.client, Some(client));
        assert_eq!((events[0].at_ns, events[0].error_ns), (0, 100_000));
    }
    let saved: Run = get(&server, id(5)).await.json().await.expect("a run");
    assert_eq!(saved.events.len(), 1);
}

#[tokio::test]
async fn a_question_about_the_time_is_answered_between_its_arrival_and_its_leaving() {
    let server = serve().await;
    let mut page = Page::open(&server, id(6)).await;
    page.down().await;
    let run = server.state.recorder().join(id(6)).expect("room");
    let before = run.at_ns(Instant::now());
    page.send(&FeedUp::Clock { t1_ns: -5 }).await;
    let FeedDown::Clock {
        t1_ns,
        t2_ns,
        t3_ns,
    } = page.down().await
    else {
        panic!("a question about the time is answered");
    };
    let after = run.at_ns(Instant::now());
    assert_eq!(t1_ns, -5);
    assert!(before <= t2_ns && t2_ns <= t3_ns && t3_ns <= after);
}

#[tokio::test]
async fn what_a_page_may_not_say_is_refused_and_the_feed_goes_on() {
    let server = serve().await;
    let mut page = Page::open(&server, id(7)).await;
    page.down().await;
    page.send(&FeedUp::Events {
        events: vec![browser_event()],
    })
    .await;
    assert!(page.refused().await.detail.expect("why").contains("hello"));
    let client = ClientId::new(1).expect("not zero");
    page.send(&FeedUp::Hello { client }).await;
    let forged = TraceEvent::new(Lane::SOCKET, Kind::Read, 0, 0);
    page.send(&FeedUp::Events {
        events: vec![forged],
    })
    .await;
    assert!(page.refused().await.detail.expect("why").contains("socket"));
    let too_many = vec![browser_event(); FEED_FRAME_EVENTS_MAX + 1];
    page.send(&FeedUp::Events { events: too_many }).await;
    assert_eq!(
        page.refused().await.limit,
        Some(FEED_FRAME_EVENTS_MAX as u64)
    );
    for bad in [
        "",
        "null",
        "{\"clock\":{}}",
        "{\"hello\":{\"client\":\"0000000000000000\"}}",
    ] {
        page.socket.send(Message::text(bad)).await.expect("sent");
        assert_eq!(page.refused().await.status, 400, "{bad}");
    }
    page.socket
        .send(Message::binary(vec![0]))
        .await
        .expect("sent");
    assert_eq!(page.refused().await.status, 400);
    page.send(&FeedUp::Events {
        events: vec![browser_event()],
    })
    .await;
    assert_eq!(page.events(1).await.0.len(), 1);
}

#[tokio::test]
async fn a_frame_is_taken_at_its_bound_and_closes_the_feed_beyond() {
    let server = serve().await;
    let mut page = Page::open(&server, id(8)).await;
    page.down().await;
    page.socket
        .send(Message::text(" ".repeat(FEED_FRAME_BYTES_MAX)))
        .await
        .expect("sent");
    assert_eq!(page.refused().await.status, 400);
    page.socket
        .send(Message::text(" ".repeat(FEED_FRAME_BYTES_MAX + 1)))
        .await
        .expect("sent");
    assert_eq!(page.close_code().await, close_code::TOO_BIG);
}

#[tokio::test]
async fn what_is_dropped_is_counted_and_told() {
    let server = serve().await;
    let mut page = Page::open(&server, id(9)).await;
    let run = server.state.recorder().join(id(9)).expect("room");
    let mut emitted = 0;
    while emitted < RUN_EVENTS_MAX + 1 {
        run.emit(Draft::new(Lane::HANDLER, Kind::Process, Instant::now()));
        emitted += 1;
        if emitted % 1_000 == 0 {
            // Answered when all before is taken in: the queue is never full here, only the run.
            get(&server, id(9)).await;
        }
    }
    let mut seen = 0;
    loop {
        if let FeedDown::Events { events, dropped } = page.down().await {
            seen += events.len();
            if dropped > 0 {
                assert_eq!(dropped, 1);
                break;
            }
        }
    }
    let saved: Run = get(&server, id(9)).await.json().await.expect("a run");
    assert_eq!((saved.events.len(), saved.dropped), (RUN_EVENTS_MAX, 1));
    assert!(seen <= RUN_EVENTS_MAX);
}

#[tokio::test]
async fn a_stopping_server_says_goodbye() {
    let mut server = serve().await;
    let mut page = Page::open(&server, id(10)).await;
    page.down().await;
    server.stop();
    assert_eq!(page.close_code().await, close_code::STOPPING);
    assert!(matches!(
        page.socket.next().await,
        None | Some(Err(tungstenite::Error::Protocol(_)))
    ));
}

#[tokio::test]
async fn a_feed_is_not_recorded_into_its_own_run() {
    let server = serve().await;
    let path = format!(
        "/api/runs/{}/feed?traceparent=00-{}-00f067aa0ba902b7-01",
        id(11),
        id(11)
    );
    let (mut socket, _) = connect_async(server.ws_url(&path)).await.expect("opens");
    let question = serde_json::to_string(&FeedUp::Clock { t1_ns: 1 }).expect("serializes");
    socket.send(Message::text(question)).await.expect("sent");
    // Opened, and the answer to the question.
    for _ in 0..2 {
        socket.next().await.expect("goes on").expect("a message");
    }
    let saved: Run = get(&server, id(11)).await.json().await.expect("a run");
    assert_eq!(saved.events, []);
}
