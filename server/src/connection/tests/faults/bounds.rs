//! Whose exchanges have faults, for how long, and how many may: what asks for none is as before.

use tokio::time::Instant as Clock;
use wire::{
    Fault,
    limits::{FAULTS_S_MAX, FAULTY_EXCHANGES_MAX, FAULTY_EXCHANGES_PER_ADDRESS_MAX},
};

use super::*;

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
