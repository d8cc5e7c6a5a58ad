//! A line that is cut: behind just so many bytes of a body, or after a time.

use super::*;

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
