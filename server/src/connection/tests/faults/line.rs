//! What a slow, late or lumpy line does to the bytes, both ways, and to who waits for them.

use tokio::time::Instant as Clock;
use wire::limits::{FAULT_EVENTS_MAX, FAULTS_S_MAX};

use super::*;

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
