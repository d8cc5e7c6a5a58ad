//! Publish–subscribe: whoever has news publishes it to a topic; whoever wants it subscribes to the topic. Neither knows
//! the other, or how many there are.
//!
//! - Use it when news has many readers, or readers that come and go.
//! - It costs one open connection for each subscriber, and the history that lets a reader who was away catch up.
//! - The stream is `text/event-stream` (HTML Standard, "Server-sent events"); its reader in a browser is `EventSource`.
//!
//! A topic is an ordered log. A message's id is its place in it, `{epoch}-{offset}`, so that a subscriber who comes back
//! with the last id it saw gets everything since, once and in order, or is told that there is a gap.

mod delivery;
mod history;
mod request;
mod sse;
mod state;

use std::time::Instant;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{
    Problem,
    topics::Published,
    trace::{Kind, Lane},
};

use crate::{
    AppState, Result,
    connection::Exchange,
    extract::{Json, Query},
    topics::{NewMessage, Publication, Start},
    trace::Draft,
};
use request::{Since, TopicName, idempotency_key, last_event_id, payload};

/// The lab's endpoints.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(publish, history::messages))
        .routes(routes!(events))
        .merge(state::router())
}

/// Publish a message to a topic.
///
/// The body is the message, of whatever `Content-Type` it says. The topic takes it, gives it the next id, and wakes its
/// subscribers. It keeps the message in memory: it is lost when the server stops.
#[utoipa::path(
    post,
    path = "/api/topics/{topic}/messages",
    params(
        TopicName,
        ("Idempotency-Key" = Option<String>, Header, max_length = 255, pattern = "^[!-~]+$",
            description = "The same key with the same message within 10 minutes is one publish."),
    ),
    request_body(content = Option<String>, content_type = "text/plain", description = "The message, at most 64 KiB, of any type."),
    responses(
        (status = 201, body = Published, description = "The topic took it.", headers(
            ("Idempotency-Replayed" = String, description = "`true` where the key was used before: nothing was published anew."))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "No topic name, or no key."),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "More than 64 KiB."),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "The key was used for another message."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "A cap is reached."),
    ),
)]
async fn publish(
    State(app): State<AppState>,
    exchange: Exchange,
    TopicName { topic }: TopicName,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let key = idempotency_key(&headers)?;
    let began = Instant::now();
    let payload = payload(body, app.topics().limits().message_bytes).await?;
    exchange.stretch(Kind::Body, began);

    let message = NewMessage {
        content_type: request::content_type(&headers, &payload)?,
        payload,
    };
    let published = app.topics().publish(&topic, message, key.as_deref())?;

    let answer = Json(Published { id: published.id() });
    match published {
        Publication::New(message) => {
            exchange.emit(|| {
                Draft::new(Lane::TOPIC, Kind::Published, message.at.into_std())
                    .bytes(message.payload().len() as u64)
                    .with(|detail| {
                        detail.topic = Some(topic);
                        detail.message = Some(message.id.to_string());
                    })
            });
            Ok((StatusCode::CREATED, answer).into_response())
        }
        Publication::Known(_) => {
            let replayed = HeaderName::from_static("idempotency-replayed");
            Ok((StatusCode::CREATED, [(replayed, "true")], answer).into_response())
        }
    }
}

/// Subscribe to a topic: an endless event stream.
///
/// Each message is an event with its id and, where it is text, the message itself as data. A client that comes back with
/// `Last-Event-ID` (an `EventSource` does by itself) or `after` gets what it missed first. `event: gap` says what it can
/// no longer get.
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
        (status = 200, body = String, content_type = "text/event-stream", description = "The stream. It does not end."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "No topic name, or no message id."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "A cap is reached."),
    ),
)]
async fn events(
    State(app): State<AppState>,
    exchange: Exchange,
    TopicName { topic }: TopicName,
    Query(Since { after }): Query<Since>,
    headers: HeaderMap,
) -> Result<Response> {
    let start = match last_event_id(&headers)?.or(after) {
        Some(id) => Start::After(id),
        None => Start::Now,
    };
    let subscriber = app.topics().subscribe(&topic, start)?;
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // A proxy that collects the stream before it passes it on makes it useless.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let body = Body::from_stream(sse::stream(subscriber, exchange));
    Ok((
        headers.map(|(name, value)| (name, HeaderValue::from_static(value))),
        body,
    )
        .into_response())
}
