//! Server-sent events: a response that does not end, one block of text for each message (HTML Standard, "Server-sent
//! events"; `text/event-stream`).
//!
//! - Use it when news goes one way, from the server to a page. `EventSource` in a browser connects again by itself and
//!   says which message it saw last.
//! - It costs an open connection for each reader: on HTTP/1.1 a browser has six of them for all pages of a server.
//! - It carries text. What its lines cannot carry unchanged goes as JSON here.
//!
//! [`lines`] is the same for programs: one JSON object a line.

mod lines;

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{
    Problem,
    limits::{SSE_HEARTBEAT_S, SSE_RETRY_MS},
    topics::{Gap, GapNotice, MessageId, Transport},
};

use super::topic::{
    request::{Since, TopicName, begins_behind, last_event_id},
    streaming::{self, Format},
};
use crate::{
    AppState, Result,
    address::Counted,
    connection::Exchange,
    extract::Query,
    topics::{Batch, Reader, Start, message::block},
};

/// The lab's endpoints.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(events))
        .merge(lines::router())
}

/// Subscribe to a topic: an endless event stream.
///
/// Each message is an event with its id and, where it is text, the message itself as data. A client that comes back with
/// `Last-Event-ID` (an `EventSource` does by itself) or `after` gets what it missed first. `event: gap` says what it can
/// no longer get. A client that names no place is told where its stream begins, by a first block without data and by a
/// field of the answer, so that it can come back even if nothing has reached it.
#[utoipa::path(
    get,
    path = "/api/topics/{topic}/events",
    params(
        TopicName,
        Since,
        ("Last-Event-ID" = Option<String>, Header, pattern = "^[0-9a-f]{8}-(0|[1-9][0-9]*)$",
            description = "The id of the last message seen. It goes before `after`."),
    ),
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "The stream. It ends with the topic.", headers(
            ("Last-Event-ID" = Option<String>, description = "Where the request names no place: the stream begins behind this message."))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "No topic name, or no message id."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "A cap is reached."),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The server is stopping."),
    ),
)]
async fn events(
    State(app): State<AppState>,
    exchange: Exchange,
    Counted(address): Counted,
    TopicName { topic }: TopicName,
    Query(Since { after }): Query<Since>,
    headers: HeaderMap,
) -> Result<Response> {
    let last_seen = last_event_id(&headers)?.or(after);
    let start = last_seen.map_or(Start::Now, Start::After);
    let reader = Reader {
        transport: Transport::Sse,
        address,
        exchange: exchange.id(),
    };
    let subscriber = app.topics().subscribe(&topic, start, reader).await?;
    let place = last_seen.is_none().then(|| subscriber.position());
    let format = Events {
        place,
        begun: false,
    };
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // A proxy that collects the stream before it passes it on makes it useless.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((
        headers.map(|(name, value)| (name, HeaderValue::from_static(value))),
        begins_behind(place),
        streaming::body(subscriber, exchange, format),
    )
        .into_response())
}

/// Messages as blocks of an event stream.
#[derive(Default)]
struct Events {
    /// Where it begins, if its reader has to be told.
    place: Option<MessageId>,
    /// Something was sent: the first block has said when to reconnect.
    begun: bool,
}

impl Format for Events {
    /// A comment (a line that begins with a colon), of one line, without the empty line that ends a block: some clients
    /// make an empty event of a block without data.
    const HEARTBEAT: Option<(Bytes, Duration)> = Some((
        Bytes::from_static(b": still here\n"),
        Duration::from_secs(SSE_HEARTBEAT_S),
    ));

    /// The place as a block that has an id and no data: it sets the last event ID, and is no event. A browser that loses
    /// the connection before the first message comes back with it. Some clients make an event of such a block all the
    /// same; those do not take away the mark that a stream may begin with (U+FEFF) either, so the line behind it is
    /// nothing to them.
    fn begin(&mut self) -> Option<Bytes> {
        let place = self.place.take()?;
        Some(format!("\u{feff}id: {place}\n\n").into())
    }

    fn encode(&mut self, batch: &Batch) -> Bytes {
        let events = batch.messages.events();
        if self.begun && batch.gap.is_none() {
            return events;
        }
        let mut out = BytesMut::with_capacity(events.len() + 512);
        if !std::mem::replace(&mut self.begun, true) {
            out.extend_from_slice(format!("retry: {SSE_RETRY_MS}\n").as_bytes());
        }
        if let Some(gap) = &batch.gap {
            out.extend_from_slice(&gap_block(gap));
        }
        out.extend_from_slice(&events);
        out.freeze()
    }
}

/// A gap's id is the place before what follows: who reconnects from there is not told of the same gap again.
fn gap_block(gap: &Gap) -> Bytes {
    let place = MessageId {
        offset: gap.next.offset - 1,
        ..gap.next
    };
    let notice = GapNotice { gap: gap.clone() };
    let json = serde_json::to_string(&notice).unwrap_or_default();
    block(place, Some("gap"), &json)
}

#[cfg(test)]
mod tests {
    use axum::body::BodyDataStream;
    use futures_util::{FutureExt, StreamExt};
    use tokio::time::Instant;

    use super::*;
    use crate::topics::{Hub, Limits, NewMessage, Topics};

    async fn publish(topics: &Topics, payload: &[u8]) -> MessageId {
        let new = NewMessage {
            content_type: "text/plain".into(),
            payload: Bytes::copy_from_slice(payload),
        };
        let published = topics.publish("t", new, None).await;
        published.expect("published").id()
    }

    async fn stream(topics: &Topics, start: Start) -> BodyDataStream {
        let reader = Reader {
            transport: Transport::Sse,
            address: None,
            exchange: None,
        };
        let subscriber = topics.subscribe("t", start, reader).await;
        let subscriber = subscriber.expect("subscribed");
        let body = streaming::body(subscriber, Exchange::default(), Events::default());
        body.into_response().into_body().into_data_stream()
    }

    async fn next(stream: &mut BodyDataStream) -> Bytes {
        stream.next().await.expect("goes on").expect("bytes")
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken_by_a_comment_of_one_line() {
        let topics = Topics::new(Limits::default());
        let mut stream = stream(&topics, Start::Now).await;
        let began = Instant::now();
        for beat in 1..=3 {
            assert_eq!(next(&mut stream).await, ": still here\n");
            assert_eq!(began.elapsed().as_secs(), beat * SSE_HEARTBEAT_S);
        }
        // The time to reconnect still comes with the first block, and with it the silence begins anew.
        tokio::time::advance(Duration::from_secs(10)).await;
        let id = publish(&topics, b"x").await;
        assert_eq!(
            next(&mut stream).await,
            format!("retry: 1000\nid: {id}\ndata: x\n\n")
        );
        let spoke = Instant::now();
        assert_eq!(next(&mut stream).await, ": still here\n");
        assert_eq!(spoke.elapsed().as_secs(), SSE_HEARTBEAT_S);
    }

    #[tokio::test(start_paused = true)]
    async fn the_place_comes_first_and_the_time_to_reconnect_with_the_first_message() {
        let topics = Topics::new(Limits::default());
        let place = publish(&topics, b"0").await;
        let reader = Reader {
            transport: Transport::Sse,
            address: None,
            exchange: None,
        };
        let subscriber = topics.subscribe("t", Start::Now, reader).await;
        let format = Events {
            place: Some(place),
            begun: false,
        };
        let subscriber = subscriber.expect("subscribed");
        let body = streaming::body(subscriber, Exchange::default(), format);
        let mut stream = body.into_response().into_body().into_data_stream();
        let id = publish(&topics, b"1").await;
        assert_eq!(next(&mut stream).await, format!("\u{feff}id: {place}\n\n"));
        assert_eq!(
            next(&mut stream).await,
            format!("retry: 1000\nid: {id}\ndata: 1\n\n")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_leaves_in_one_piece_and_is_shared() {
        let topics = Topics::new(Limits::default());
        let begin = publish(&topics, b"0").await;
        let ids = [publish(&topics, b"1").await, publish(&topics, b"2").await];
        let mut one = stream(&topics, Start::After(begin)).await;
        let mut other = stream(&topics, Start::Now).await;
        assert_eq!(
            next(&mut one).await,
            format!(
                "retry: 1000\nid: {}\ndata: 1\n\nid: {}\ndata: 2\n\n",
                ids[0], ids[1]
            )
        );
        publish(&topics, b"3").await;
        next(&mut other).await;
        next(&mut one).await;
        for payloads in [&[&b"4"[..]][..], &[b"5", b"6"]] {
            for payload in payloads {
                publish(&topics, payload).await;
            }
            let (one, other) = (next(&mut one).await, next(&mut other).await);
            assert_eq!(one.as_ptr(), other.as_ptr());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_stream_ends_with_its_topic() {
        let topics = Topics::new(Limits::default());
        let mut stream = stream(&topics, Start::Now).await;
        topics.end("t").await.expect("ended");
        assert!(stream.next().now_or_never().expect("at once").is_none());
    }
}
