//! Faults: what they do to the bytes, what the run is told of them, and that they touch nobody else. The clock is paused
//! where time is the matter.

use futures_util::FutureExt;
use tokio::time::Instant as Clock;
use wire::{
    Fault,
    limits::{
        FAULT_EVENTS_MAX, FAULTS_S_MAX, FAULTY_EXCHANGES_MAX, FAULTY_EXCHANGES_PER_ADDRESS_MAX,
    },
};

use super::*;

const RUN: u128 = 0xfa;

/// A request that asks for faults, recorded as the first exchange of [`RUN`].
fn get(path: &str, faults: &str) -> String {
    let traced = traceparent(RUN, 1);
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nRoundtrip-Faults: {faults}\r\n{traced}\r\n")
}

fn post(path: &str, faults: &str, body: &str) -> String {
    let (traced, length) = (traceparent(RUN, 1), body.len());
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nRoundtrip-Faults: {faults}\r\nContent-Length: {length}\r\n\
         {traced}\r\n{body}"
    )
}

fn plain(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

const OPEN: &str = "GET /echo-socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn open_socket(faults: &str) -> String {
    format!(
        "{OPEN}Roundtrip-Faults: {faults}\r\n{}\r\n",
        traceparent(RUN, 1)
    )
}

/// A text frame of two letters, masked with zeros as a client must.
fn frame(word: &str) -> Vec<u8> {
    [b"\x81\x82\0\0\0\0", word.as_bytes()].concat()
}

impl Client {
    /// All that has come by now.
    async fn now(&mut self, server: &TestServer) -> usize {
        server.settle().await;
        while let Some(Ok(1..)) = self.stream.read_buf(&mut self.buffer).now_or_never() {}
        self.buffer.len()
    }

    /// Lets time pass, a little at a time, until `mark` has come.
    async fn comes(&mut self, server: &TestServer, mark: &str) {
        let has_come = |buffer: &[u8]| {
            let mut places = buffer.windows(mark.len());
            places.any(|bytes| bytes == mark.as_bytes())
        };
        for _ in 0..10_000 {
            self.now(server).await;
            if has_come(&self.buffer) {
                return;
            }
            advance(5 * MS).await;
        }
        panic!("{mark:?} never came");
    }

    /// Reads until the connection is over: how it ended.
    async fn end(&mut self) -> std::io::Result<()> {
        loop {
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
            match read.expect("something comes, or the end") {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn is_reset(&mut self) {
        let end = self.end().await;
        let kind = end.expect_err("the connection is reset").kind();
        assert_eq!(kind, std::io::ErrorKind::ConnectionReset);
    }
}

/// The faults of a run: summary, direction, bytes.
fn faults(events: &[TraceEvent]) -> Vec<String> {
    let faults = events.iter().filter(|event| event.kind == Kind::Fault);
    let shown = faults.map(|event| {
        assert_eq!(event.lane, wire::trace::Lane::SOCKET);
        assert_eq!(event.truth, wire::trace::Truth::Measured);
        let detail = &event.detail;
        let bytes = event.bytes.map(|bytes| format!(" {bytes}"));
        format!(
            "{} {}{}",
            detail.more["direction"].as_str().expect("a direction"),
            detail.summary.as_deref().expect("a summary"),
            bytes.unwrap_or_default()
        )
    });
    shown.collect()
}

fn bytes_of(events: &[TraceEvent], kind: Kind) -> Vec<u64> {
    let events = events.iter().filter(|event| event.kind == kind);
    events.filter_map(|event| event.bytes).collect()
}

#[tokio::test(start_paused = true)]
async fn latency_makes_an_answer_late_and_is_told() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let request = get("/hello", "latency=200ms");
    client.send(&request).await;
    assert_eq!(client.now(&server).await, 0);
    advance(199 * MS).await;
    assert_eq!(client.now(&server).await, 0);
    advance(2 * MS).await;
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.text().as_str()), (200, "hello"));
    drop(client);
    let events = events(&server, RUN, has(Kind::Closed)).await;
    let (asked, length) = (request.len(), reply.head.len());
    assert_eq!(
        shown(&events),
        format!(
            "socket Accepted 1\n\
             terminal RequestSent 1 \"GET /hello\"\n\
             socket Read 1 0+{asked} Head head {asked} \"GET /hello\"\n\
             handler Parse 1\n\
             handler Respond 1 \"200 OK\"\n\
             socket Fault 1 \"latency 201 ms\"\n\
             socket Write 1 0+{} HeadAndBody head {length} \"200 OK\"\n\
             terminal ResponseEnd 1\n\
             socket Closed 1\n",
            length + 5
        )
    );
    let fault = events.iter().find(|event| event.kind == Kind::Fault);
    let fault = fault.expect("a fault");
    assert_eq!(fault.duration_ns, Some(201_000_000));
    assert_eq!(fault.bytes, Some(length as u64 + 5));
    assert_eq!(fault.detail.more["fault"], "latency");
}

#[tokio::test(start_paused = true)]
async fn latency_is_the_same_for_all_and_does_not_add_up() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    client.send(open_socket("latency=200ms")).await;
    server.settle().await;
    advance(201 * MS).await;
    client.read_until("\r\n\r\n").await;
    client.buffer.clear();
    let since = Clock::now();
    for word in ["aa", "bb", "cc"] {
        client.send(frame(word)).await;
        server.settle().await;
        advance(50 * MS).await;
    }
    // 200 ms in and 200 ms out for the first, and the others as far behind it as they were sent.
    for (came, at) in [("\u{2}aa", 400), ("\u{2}bb", 450), ("\u{2}cc", 500)] {
        client.comes(&server, came).await;
        let took = since.elapsed().as_millis();
        assert!((at..at + 20).contains(&took), "{came:?} {took}");
    }
    assert_eq!(client.buffer, b"\x81\x02aa\x81\x02bb\x81\x02cc");
    let events = events(&server, RUN, |events| faults(events).len() == 7).await;
    let told = faults(&events);
    let of = |direction: &str| {
        told.iter()
            .filter(|fault| fault.starts_with(direction))
            .count()
    };
    assert_eq!((of("request"), of("response")), (3, 4), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn jitter_stays_in_its_bounds_and_keeps_the_order() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    client.send(open_socket("latency=50ms,jitter=20ms")).await;
    let words: Vec<String> = (10..40).map(|number| number.to_string()).collect();
    let mut wanted = Vec::new();
    for word in &words {
        client.send(frame(word)).await;
        client.now(&server).await;
        advance(5 * MS).await;
        wanted.extend([b"\x81\x02", word.as_bytes()].concat());
    }
    for _ in 0..50 {
        client.now(&server).await;
        advance(5 * MS).await;
    }
    client.read_until("\u{2}39").await;
    assert!(client.buffer.ends_with(&wanted));
    let events = events(&server, RUN, |events| faults(events).len() > 40).await;
    let late: Vec<_> = events
        .iter()
        .filter(|event| event.kind == Kind::Fault)
        .map(|event| event.duration_ns.expect("a time") / 1_000_000)
        .collect();
    // A piece behind a later one waits for it; the steps of the test's clock are five milliseconds.
    assert!(late.iter().all(|ms| (30..=76).contains(ms)), "{late:?}");
    assert!(late.iter().any(|ms| *ms != late[0]), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rate_spreads_the_bytes_of_a_response_evenly() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    // A thousand bytes a second: fifty in each piece of 50 ms.
    client.send(get("/bytes/300", "rate=8kbit")).await;
    assert_eq!(client.now(&server).await, 0);
    for piece in 1..=10 {
        advance(50 * MS).await;
        assert_eq!(client.now(&server).await, piece * 50);
    }
    let mut rest = 0;
    while !client.buffer.ends_with(&[b'x'; 300]) {
        advance(50 * MS).await;
        client.now(&server).await;
        rest += 1;
    }
    let whole = client.buffer.len();
    assert_eq!(whole.div_ceil(50), 10 + rest);
    let events = events(&server, RUN, |events| !faults(events).is_empty()).await;
    let mut writes = bytes_of(&events, Kind::Write);
    assert_eq!(writes.pop(), Some((whole - (whole - 1) / 50 * 50) as u64));
    assert!(writes.iter().all(|bytes| *bytes == 50), "{writes:?}");
    assert_eq!(faults(&events), [format!("response rate 8kbit {whole}")]);
}

#[tokio::test(start_paused = true)]
async fn a_rate_holds_both_ways_and_a_slow_reader_only_one() {
    let _clock = held_clock();
    for (asked, words) in [
        ("rate=8kbit", "rate 8kbit"),
        ("slow_read=1000B/s", "slow_read 1000B/s"),
        ("slow_read=2000B/s,rate=8kbit", "rate 8kbit"),
        ("slow_read=1000B/s,rate=1Mbit", "slow_read 1000B/s"),
    ] {
        let server = serve(|_| {}).await;
        let mut client = Client::connect(&server).await;
        // The body comes with the head, and is let in slowly all the same.
        client.send(post("/length", asked, &"x".repeat(500))).await;
        server.settle().await;
        for _ in 0..8 {
            advance(50 * MS).await;
            assert_eq!(client.now(&server).await, 0, "{asked}");
        }
        for _ in 0..40 {
            advance(50 * MS).await;
            client.now(&server).await;
        }
        assert_eq!(client.reply().await.text(), "500", "{asked}");
        let events = events(&server, RUN, has(Kind::Write)).await;
        let told = faults(&events);
        assert_eq!(
            told.first(),
            Some(&format!("request {words} 500")),
            "{asked}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_felt_by_who_sends() {
    let _clock = held_clock();
    let server = serve(|limits| limits.body_pause = 300 * MS).await;
    let mut client = Client::connect(&server).await;
    let body = "x".repeat(40_000_000);
    let request = post("/taken", "slow_read=20000B/s", &body);
    let sending = tokio::spawn(async move {
        let sent = client.stream.write_all(request.as_bytes()).await;
        (client, sent.is_ok())
    });
    server.settle().await;
    for _ in 0..60 {
        advance(50 * MS).await;
        server.settle().await;
    }
    // Three seconds have passed: of what came behind the head and from the kernel, 1,000 bytes every 50 ms. The peer
    // still sends, and the server's own slowness is not held against it.
    assert!(!sending.is_finished());
    let events = events(&server, RUN, |events| faults(events).len() >= 2).await;
    let let_in: u64 = events
        .iter()
        .filter(|event| event.kind == Kind::Fault)
        .filter_map(|event| event.bytes)
        .sum();
    assert!((40_000..=61_000).contains(&let_in), "{let_in}");
    assert_eq!(count(&events, Kind::Closed), 0);
    sending.abort();
}

#[tokio::test]
async fn a_buffering_proxy_lets_out_lumps_of_its_size() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let reply = client.ask(get("/bytes/10000", "buffer=4KiB")).await;
    assert_eq!(reply.body, vec![b'x'; 10_000]);
    let events = events(&server, RUN, |events| faults(events).len() == 3).await;
    let head = reply.head.len() as u64;
    assert_eq!(bytes_of(&events, Kind::Write), [head, 4_096, 4_096, 1_808]);
    assert_eq!(
        faults(&events),
        [
            "response held 4096 bytes 4096",
            "response held 4096 bytes 4096",
            "response held 1808 bytes 1808"
        ]
    );
}

#[tokio::test]
async fn a_stream_through_a_buffer_comes_when_it_is_full_or_over() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    client.send(get("/stream", "buffer=64KiB")).await;
    client.read_until("\r\n\r\n").await;
    let head = client.buffer.len();
    assert_eq!(client.now(&server).await, head);
    server.state.stopping().cancel();
    let reply = client.reply().await;
    assert!(reply.text().contains("data: first") && reply.text().contains("data: last"));
    let events = events(&server, RUN, |events| !faults(events).is_empty()).await;
    let body = reply.body.len();
    assert_eq!(
        faults(&events),
        [format!("response held {body} bytes {body}")]
    );
}

#[tokio::test]
async fn a_response_is_cut_behind_just_so_many_bytes_of_its_body() {
    for cut in [0, 1, 4_096, 9_999] {
        let server = serve(|_| {}).await;
        let mut client = Client::connect(&server).await;
        client
            .send(get("/bytes/10000", &format!("cut={cut}")))
            .await;
        client.is_reset().await;
        let seen = String::from_utf8(client.buffer.clone()).expect("text");
        let (head, body) = seen.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 OK"));
        assert!(head.contains("content-length: 10000"));
        assert_eq!(body.len(), cut);
        let events = events(&server, RUN, has(Kind::Closed)).await;
        let written: u64 = bytes_of(&events, Kind::Write).iter().sum();
        assert_eq!(written as usize, seen.len());
        assert_eq!(
            faults(&events),
            [format!("response cut at byte {cut} {cut}")]
        );
        let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
        assert!(
            kinds.ends_with(&[Kind::Write, Kind::Fault, Kind::Closed]),
            "{}",
            shown(&events)
        );
        let why = events.last().and_then(|event| event.detail.why.as_deref());
        assert_eq!(
            why,
            Some(&*format!("a fault was asked for: cut at byte {cut}"))
        );
    }
}

#[tokio::test]
async fn what_is_no_longer_than_the_cut_is_not_cut() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    for path in ["/bytes/10000", "/bytes/1", "/stream-once"] {
        let reply = client.ask(get(path, "cut=10000")).await;
        assert_eq!(reply.status, 200);
    }
    let reply = client
        .ask(post("/length", "cut=500", &"x".repeat(500)))
        .await;
    assert_eq!(reply.text(), "500");
    assert_eq!(client.ask(plain("/hello")).await.text(), "hello");
    let events = events(&server, RUN, |events| count(events, Kind::Write) >= 4).await;
    assert_eq!(faults(&events), [""; 0]);
}

#[tokio::test]
async fn an_upload_is_cut_behind_just_so_many_bytes_of_its_body() {
    for cut in [0, 1, 4_096, 9_999] {
        for pieces in [1, 20_000, 100_000] {
            let server = serve(|_| {}).await;
            let mut client = Client::connect(&server).await;
            let request = post("/taken", &format!("cut={cut}"), &"x".repeat(10_000));
            for piece in request
                .as_bytes()
                .chunks(pieces.max(request.len() / pieces))
            {
                // The server may have cut the connection by then.
                let _ = client.stream.write_all(piece).await;
            }
            client.is_reset().await;
            assert_eq!(client.buffer, b"", "{cut}");
            let events = events(&server, RUN, |events| {
                count(events, Kind::Closed) + count(events, Kind::Body) == 2
            })
            .await;
            assert_eq!(bytes_of(&events, Kind::Body), [cut], "{}", shown(&events));
            assert_eq!(
                faults(&events),
                [format!("request cut at byte {cut} {cut}")]
            );
        }
    }
}

#[tokio::test]
async fn an_upload_in_many_reads_is_cut_at_the_same_place() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let request = post("/taken", "cut=300000", &"x".repeat(1_000_000));
    let (start, rest) = request.as_bytes().split_at(100);
    client.send(start).await;
    server.settle().await;
    let _ = client.stream.write_all(rest).await;
    client.is_reset().await;
    let events = events(&server, RUN, has(Kind::Body)).await;
    assert_eq!(bytes_of(&events, Kind::Body), [300_000]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_cut_after_its_time_and_not_before() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    assert_eq!(
        client.ask(get("/hello", "cut_after=2s")).await.text(),
        "hello"
    );
    advance(3_000 * MS).await;
    client.send(get("/never", "cut_after=2s")).await;
    server.settle().await;
    advance(1_999 * MS).await;
    server.settle().await;
    server.holds(1).await;
    advance(2 * MS).await;
    client.is_reset().await;
    server.holds(0).await;
    let events = events(&server, RUN, has(Kind::Closed)).await;
    assert_eq!(faults(&events), ["response cut_after 2s"]);
}

#[tokio::test(start_paused = true)]
async fn after_the_exchange_the_connection_is_as_before() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    for asked in [
        "latency=200ms",
        "rate=1Mbit",
        "buffer=1KiB",
        "latency=1ms,cut=9999,cut_after=10s",
    ] {
        client.send(get("/hello", asked)).await;
        server.settle().await;
        advance(201 * MS).await;
        assert_eq!(client.reply().await.text(), "hello", "{asked}");
        server.settle().await;
        // The clock stands still: nothing makes these late.
        assert_eq!(client.ask(plain("/hello")).await.text(), "hello");
        assert_eq!(
            client.ask(plain("/bytes/3000000")).await.body.len(),
            3_000_000
        );
    }
    advance(ConnectionLimits::default().keep_alive).await;
    assert_eq!(client.rest().await, b"");
}

#[tokio::test(start_paused = true)]
async fn of_pipelined_requests_only_the_one_that_asks_is_late() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let all = [
        plain("/hello"),
        post("/length", "latency=200ms", "12345"),
        plain("/bytes/7"),
    ];
    client.send(all.concat()).await;
    assert_eq!(client.reply().await.text(), "hello");
    assert_eq!(client.now(&server).await, 0);
    let since = Clock::now();
    while client.now(&server).await == 0 {
        advance(10 * MS).await;
    }
    // Its body came with the head of the first, before anybody knew; the answer was late.
    assert!(
        since.elapsed() >= 200 * MS && since.elapsed() <= 420 * MS,
        "{:?}",
        since.elapsed()
    );
    assert_eq!(client.reply().await.text(), "5");
    assert_eq!(client.reply().await.text(), "xxxxxxx");
    let events = events(&server, RUN, has(Kind::Write)).await;
    assert_eq!(bytes_of(&events, Kind::Write).len(), 1);
    assert!(
        data(
            events
                .iter()
                .rfind(|event| event.kind == Kind::Write)
                .expect("a write")
        )
        .ends_with("\r\n\r\n5")
    );
}

#[tokio::test(start_paused = true)]
async fn pipelined_requests_that_all_ask_are_all_answered() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    for asked in ["cut=9999", "latency=20ms", "rate=1Mbit,latency=1ms"] {
        let bodies = ["12345", "123", "1"];
        let all = bodies.map(|body| post("/length", asked, body)).concat();
        // In one piece, and in two wherever they may part.
        for at in (0..all.len()).step_by(37) {
            let mut client = Client::connect(&server).await;
            let (first, second) = all.split_at(at);
            client.send(first).await;
            server.settle().await;
            client.send(second).await;
            for body in bodies {
                let length = body.len();
                client.comes(&server, &format!("\r\n\r\n{length}")).await;
                assert_eq!(client.reply().await.text(), length.to_string(), "{asked}");
            }
        }
    }
}

#[tokio::test]
async fn behind_a_request_that_asks_another_is_cut_at_its_own_byte() {
    for cut in [0, 2, 4] {
        let server = serve(|_| {}).await;
        let mut client = Client::connect(&server).await;
        let first = post("/length", "cut=9999", "123");
        let second = post("/taken", &format!("cut={cut}"), "12345");
        client.send([first, second].concat()).await;
        assert_eq!(client.reply().await.text(), "3");
        client.is_reset().await;
        let events = events(&server, RUN, has(Kind::Body)).await;
        assert_eq!(bytes_of(&events, Kind::Body), [cut]);
        assert_eq!(
            faults(&events),
            [format!("request cut at byte {cut} {cut}")]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_answers_an_earlier_request_arrives_before_the_cut() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    for count in [100_000, 1_000_000, 3_000_000] {
        let mut client = Client::connect(&server).await;
        let first = plain(&format!("/bytes/{count}"));
        client.send(first).await;
        server.settle().await;
        client.send(post("/taken", "cut=2", "12345")).await;
        // It does not read at once.
        server.settle().await;
        assert_eq!(client.reply().await.body.len(), count);
        server.settle().await;
        advance(10 * MS).await;
        client.is_reset().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_socket_said_last_still_arrives() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    // The server says one word and lets the connection go before that has arrived.
    client
        .send(open_socket("latency=200ms").replace("/echo-socket", "/last-word"))
        .await;
    client.comes(&server, "\u{3}bye").await;
    client.end().await.expect("it closes in peace");
    server.holds(0).await;
    let events = events(&server, RUN, has(Kind::Closed)).await;
    let (last, before) = events.split_last().expect("events");
    assert_eq!(last.kind, Kind::Closed);
    assert_eq!(before.last().map(|event| event.kind), Some(Kind::Write));
}

#[tokio::test]
async fn a_socket_is_cut_in_the_middle_of_what_it_says() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    client.send(open_socket("cut=6")).await;
    client.read_until("\r\n\r\n").await;
    client.buffer.clear();
    client.send([frame("aa"), frame("bb")].concat()).await;
    client.is_reset().await;
    // The request's direction comes to six bytes first: the first frame is not whole.
    assert_eq!(client.buffer, b"");
    let events = events(&server, RUN, has(Kind::Closed)).await;
    assert_eq!(faults(&events), ["request cut at byte 6 6"]);
}

#[tokio::test]
async fn a_long_response_passes_a_late_line_whole() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let reply = client
        .ask(get("/bytes/3000000", "latency=20ms,buffer=1000B"))
        .await;
    assert_eq!(reply.body, vec![b'x'; 3_000_000]);
    let events = events(&server, RUN, has(Kind::Write)).await;
    assert!(faults(&events).len() <= FAULT_EVENTS_MAX as usize);
}

#[tokio::test(start_paused = true)]
async fn faults_end_after_their_longest_time() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    client.send(get("/stream", "buffer=64KiB")).await;
    client.read_until("\r\n\r\n").await;
    let head = client.buffer.len();
    let longest = Duration::from_secs(FAULTS_S_MAX);
    for _ in 0..60 {
        advance(longest / 60 - MS).await;
        assert_eq!(client.now(&server).await, head);
    }
    advance(100 * MS).await;
    client.read_until("data: first").await;
    server.state.stopping().cancel();
    assert!(client.reply().await.text().contains("data: last"));
}

#[tokio::test(start_paused = true)]
async fn our_own_slowness_is_not_held_against_the_peer() {
    let _clock = held_clock();
    let server = serve(|limits| {
        limits.body_pause = 500 * MS;
        limits.keep_alive = 500 * MS;
    })
    .await;
    let mut client = Client::connect(&server).await;
    client.send(post("/length", "latency=2s", "12345")).await;
    for _ in 0..50 {
        client.now(&server).await;
        advance(100 * MS).await;
    }
    assert_eq!(client.reply().await.text(), "5");
    let events = events(&server, RUN, has(Kind::Write)).await;
    let told = faults(&events);
    assert!(
        told[0].starts_with("request latency 2") && told[0].ends_with(" ms 5"),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_pauses_is_still_too_slow() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let whole = post("/length", "rate=1Mbit", "12345");
    client.send(&whole[..whole.len() - 1]).await;
    for _ in 0..3 {
        server.settle().await;
        advance(10 * MS).await;
    }
    server.settle().await;
    advance(ConnectionLimits::default().body_pause).await;
    for _ in 0..100 {
        client.now(&server).await;
        advance(10 * MS).await;
    }
    assert_eq!(client.reply().await.status, 408);
}

#[tokio::test(start_paused = true)]
async fn continue_is_late_too() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let request = post("/length", "latency=200ms,buffer=1KiB", "").replace(
        "Content-Length: 0",
        "Expect: 100-continue\r\nContent-Length: 5",
    );
    client.send(request).await;
    assert_eq!(client.now(&server).await, 0);
    advance(201 * MS).await;
    client.read_until("100 Continue\r\n\r\n").await;
    client.send("12345").await;
    for _ in 0..30 {
        client.now(&server).await;
        advance(20 * MS).await;
    }
    assert_eq!(client.reply().await.text(), "5");
}

#[tokio::test]
async fn words_that_ask_for_no_fault_are_refused_and_say_why() {
    let server = serve(|_| {}).await;
    for (asked, kind, why, limit) in [
        ("delay=1s", "bad-request", "There is no fault delay.", None),
        ("latency=fast", "bad-request", "from 1ms to 10s", None),
        ("cut=1,cut=2", "bad-request", "asked for twice", None),
        (
            "latency=\u{e9}",
            "bad-request",
            "none of its words has",
            None,
        ),
        (
            "latency=10001ms",
            "out-of-bounds",
            "latency=10001 is beyond its bound: 1 to 10000 ms",
            Some(10_000),
        ),
        (
            "rate=999bit",
            "out-of-bounds",
            "1000 to 1000000000 bit/s",
            Some(1_000),
        ),
    ] {
        let mut client = Client::connect(&server).await;
        let reply = client.ask(post("/length", asked, "12345")).await;
        let problem = reply.problem();
        assert_eq!(
            (reply.status, problem.kind, problem.limit),
            (400, format!("/problems/{kind}"), limit)
        );
        assert!(problem.detail.expect("words").contains(why), "{asked}");
        assert_eq!(client.ask(plain("/hello")).await.status, 200);
    }
    for fault in Fault::ALL {
        for (value, status) in [
            (*fault.bounds().end(), 200),
            (fault.bounds().end() + 1, 400),
        ] {
            let unit = match fault {
                Fault::Rate => "bit",
                Fault::Cut => "",
                Fault::Buffer => "B",
                Fault::SlowRead => "B/s",
                _ => "ms",
            };
            // Refused or not: that is said before anything is late.
            let asked = format!("{}={value}{unit}", fault.name());
            let path = if fault == Fault::Latency {
                "/never"
            } else {
                "/hello"
            };
            let mut client = Client::connect(&server).await;
            client.send(get(path, &asked)).await;
            if path == "/never" && status == 200 {
                continue;
            }
            if fault != Fault::Jitter || status == 400 {
                assert_eq!(client.reply().await.status, status, "{asked}");
            }
        }
    }
}

#[tokio::test]
async fn the_query_asks_as_well_as_the_header() {
    let server = serve(|_| {}).await;
    for query in [
        "faults=cut=3",
        "a=b&faults=cut%3D3&c=d",
        "faults=&faults=cut=3",
    ] {
        let mut client = Client::connect(&server).await;
        client.send(plain(&format!("/bytes/10?{query}"))).await;
        client.is_reset().await;
        assert!(client.buffer.ends_with(b"\r\n\r\nxxx"), "{query}");
    }
    let mut client = Client::connect(&server).await;
    for query in ["faults=", "faults", "defaults=cut=3"] {
        let reply = client.ask(plain(&format!("/bytes/10?{query}"))).await;
        assert_eq!(reply.text(), "xxxxxxxxxx", "{query}");
    }
    // Both together are one list.
    let both = get("/bytes/10?faults=cut=3", "cut=4");
    assert_eq!(client.ask(both).await.status, 400);
}

#[tokio::test]
async fn a_refused_request_has_no_faults() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let foreign =
        post("/length", "cut=0", "12345").replace("Host", "Origin: http://evil.example\r\nHost");
    let reply = client.ask(foreign).await;
    assert_eq!(
        (reply.status, reply.problem().kind.as_str()),
        (403, "/problems/forbidden")
    );
    assert_eq!(client.ask(plain("/hello")).await.status, 200);
}

#[tokio::test]
async fn so_many_exchanges_may_have_faults_at_once() {
    let server = serve(|_| {}).await;
    let place = || server.state.connections().place_for_faults(None).ok();
    let mut places: Vec<_> = (1..FAULTY_EXCHANGES_MAX)
        .map(|_| place().expect("a place"))
        .collect();
    let mut client = Client::connect(&server).await;
    assert_eq!(client.ask(get("/hello", "cut=9")).await.status, 200);
    // That exchange is over, and its place is free again.
    let free = async {
        loop {
            if let Some(place) = place() {
                break place;
            }
            tokio::task::yield_now().await;
        }
    };
    places.push(timeout(PATIENCE, free).await.expect("a place"));
    let reply = client.ask(get("/hello", "cut=9")).await;
    assert_eq!(reply.status, 429);
    assert_eq!(reply.problem().limit, Some(FAULTY_EXCHANGES_MAX as u64));
    assert_eq!(client.ask(plain("/hello")).await.status, 200);
    places.pop();
    assert_eq!(client.ask(get("/hello", "cut=9")).await.status, 200);
}

#[tokio::test]
async fn so_many_of_them_may_be_from_one_address() {
    let server = serve(|limits| limits.limit_loopback = true).await;
    let places: Vec<_> = (0..FAULTY_EXCHANGES_PER_ADDRESS_MAX)
        .map(|_| {
            let connections = server.state.connections();
            connections.place_for_faults(Some(server.addr)).ok()
        })
        .collect();
    assert!(places.iter().all(Option::is_some));
    let mut client = Client::connect(&server).await;
    let reply = client.ask(get("/hello", "cut=9")).await;
    assert_eq!(reply.status, 429);
    let limit = FAULTY_EXCHANGES_PER_ADDRESS_MAX as u64;
    assert_eq!(reply.problem().limit, Some(limit));
    drop(places);
    assert_eq!(client.ask(get("/hello", "cut=9")).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn faults_whose_time_is_over_leave_their_place_to_others() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    client.send(get("/never", "latency=1ms")).await;
    server.settle().await;
    let places = || {
        let place = || server.state.connections().place_for_faults(None).ok();
        std::iter::from_fn(place).collect::<Vec<_>>().len()
    };
    assert_eq!(places(), FAULTY_EXCHANGES_MAX - 1);
    advance(Duration::from_secs(FAULTS_S_MAX) + MS).await;
    server.settle().await;
    assert_eq!(places(), FAULTY_EXCHANGES_MAX);
    server.holds(1).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_peer_took_of_a_write_is_not_sent_again_when_the_faults_end() {
    let _clock = held_clock();
    let server = serve(|limits| limits.write_stall = Duration::from_secs(2 * FAULTS_S_MAX)).await;
    let mut client = Client::connect(&server).await;
    // More than the kernel takes for a peer that does not read.
    let whole = words(7_500_000);
    let asked = get("/words/7500000", &format!("cut={}", whole.len() + 1));
    client.send(asked).await;
    server.settle().await;
    advance(Duration::from_secs(FAULTS_S_MAX) + MS).await;
    // A part is on its way, and ends where the kernel had no more room.
    let part = client.now(&server).await;
    assert!((1..whole.len()).contains(&part), "{part} bytes");
    let body = client.reply().await.body;
    let differs = body
        .iter()
        .zip(&whole)
        .position(|(came, sent)| came != sent);
    assert_eq!((differs, body.len()), (None, whole.len()));
    // Nor does anything stand behind it.
    assert_eq!(client.ask(plain("/hello")).await.text(), "hello");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_closes_behind_it_delivers_all_first() {
    let _clock = held_clock();
    let server = serve(|_| {}).await;
    for line in [
        "GET /bytes/5000 HTTP/1.1\r\nConnection: close",
        "GET /stream-once HTTP/1.0",
    ] {
        let mut client = Client::connect(&server).await;
        let request = format!(
            "{line}\r\nHost: localhost\r\nRoundtrip-Faults: latency=200ms,rate=800kbit\r\n\r\n"
        );
        client.send(request).await;
        assert_eq!(client.now(&server).await, 0);
        client
            .comes(
                &server,
                if line.contains("once") {
                    "once"
                } else {
                    "xxxxx"
                },
            )
            .await;
        for _ in 0..30 {
            client.now(&server).await;
            advance(10 * MS).await;
        }
        client.end().await.expect("it closes in peace");
        let text = String::from_utf8(std::mem::take(&mut client.buffer)).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains("200 OK"), "{head}");
        assert_eq!(body.len(), if line.contains("once") { 4 } else { 5_000 });
    }
    server.holds(0).await;
}
