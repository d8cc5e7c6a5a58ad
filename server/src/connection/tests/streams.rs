//! Connections that stay: streams and what is no longer HTTP.

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;
use wire::trace::{Kind, Part};

use super::*;

const RUN: u128 = 0xc3;

#[tokio::test]
async fn a_stream_goes_on_being_recorded() {
    let mut server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    client
        .send(format!(
            "GET /stream HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
            traceparent(RUN, 1)
        ))
        .await;
    client.read_until("data: first\n\n").await;
    let said = |word: &'static str| {
        move |events: &[TraceEvent]| {
            events
                .iter()
                .any(|event| event.kind == Kind::Write && data(event).contains(word))
        }
    };
    events(&server, RUN, said("data: first")).await;
    let state = server.state.clone();
    state.stopping().cancel();
    let reply = client.reply().await;
    assert!(reply.text().ends_with("0\r\n\r\n"), "{}", reply.text());
    let events = events(&server, RUN, said("data: last")).await;
    let written: u64 = events
        .iter()
        .filter(|event| event.kind == Kind::Write)
        .filter_map(|event| event.bytes)
        .sum();
    assert_eq!(written as usize, reply.head.len() + reply.body.len());
    drop(server.stop.take());
}

#[tokio::test]
async fn a_websocket_belongs_to_the_run_that_opened_it_in_both_directions() {
    let server = serve(|_| {}).await;
    let url = format!(
        "ws://{}/echo-socket?traceparent=00-{RUN:032x}-{:016x}-01",
        server.addr, 5
    );
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("opens");
    for word in ["one", "two"] {
        socket.send(Message::text(word)).await.expect("sends");
        let echoed = socket.next().await.expect("open").expect("no error");
        assert_eq!(echoed.into_text().expect("text").as_str(), word);
    }
    socket.close(None).await.expect("closes");
    while socket.next().await.is_some() {}
    drop(socket);

    let events = events(&server, RUN, has(Kind::Closed)).await;
    assert!(
        events
            .iter()
            .all(|event| event.detail.exchange.is_some_and(|id| id.get() == 5))
    );
    for kind in [Kind::Read, Kind::Write] {
        let of_kind: Vec<_> = events.iter().filter(|event| event.kind == kind).collect();
        let mut end = 0;
        for event in &of_kind {
            assert_eq!(event.detail.offset, Some(end), "{}", shown(&events));
            end += event.bytes.expect("bytes");
        }
        let (head, frames) = of_kind.split_first().expect("events");
        assert_eq!(head.detail.part, Some(Part::Head));
        assert!(
            frames.len() >= 2
                && frames
                    .iter()
                    .all(|event| event.detail.part == Some(Part::Body))
        );
    }
    let answer = events
        .iter()
        .find(|event| event.kind == Kind::Write)
        .expect("a write");
    assert_eq!(
        answer.detail.summary.as_deref(),
        Some("101 Switching Protocols")
    );
}

#[tokio::test]
async fn frames_sent_before_the_answer_wait_for_it() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let open = format!(
        "GET /echo-socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
        traceparent(RUN, 6)
    );
    // A masked text frame, \"hi\" under a mask of zeros, right behind the request.
    let frame = b"\x81\x82\0\0\0\0hi";
    client.send([open.as_bytes(), frame].concat()).await;
    client.read_until("\u{2}hi").await;
    let events = events(&server, RUN, |events| count(events, Kind::Write) >= 2).await;
    let reads: Vec<_> = events
        .iter()
        .filter(|event| event.kind == Kind::Read)
        .collect();
    assert_eq!(reads.len(), 2, "{}", shown(&events));
    assert_eq!(reads[1].detail.offset, Some(open.len() as u64));
    assert_eq!(
        (reads[1].bytes, reads[1].detail.part),
        (Some(8), Some(Part::Body))
    );
}
