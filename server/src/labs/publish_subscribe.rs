//! Publish–subscribe: whoever has news publishes it to a topic; whoever wants it subscribes to the topic. Neither knows
//! the other, or how many there are.
//!
//! - Use it when news has many readers, or readers that come and go.
//! - It costs one open connection for each subscriber, and the history that lets a reader who was away catch up.
//! - It has no standard of its own: polling, event streams and WebSockets deliver from the same topic here.
//!
//! A topic is an ordered log. A message's id is its place in it, `{epoch}-{offset}`, so that a subscriber who comes back
//! with the last id it saw gets everything since, once and in order, or is told that there is a gap.

mod inside;
mod state;

use std::time::Instant;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, StatusCode},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{Problem, topics::Published, trace::Kind};

use super::topic::{
    delivery,
    request::{self, TopicName, idempotency_key, payload},
};
use crate::{
    AppState, Result,
    address::Counted,
    connection::Exchange,
    extract::Json,
    topics::{NewMessage, Publication},
};

/// The lab's endpoints.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(publish))
        .merge(state::router())
        .merge(inside::router())
}

/// Publish a message to a topic.
///
/// The body is the message, of whatever `Content-Type` it says. The topic takes it, gives it the next id, and wakes its
/// subscribers. What the 201 means is the topic's to say (`ack`): that the message is in the server's memory, or that it is
/// on its disk, synced.
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
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The server is stopping, or the disk is behind."),
        (status = 507, body = Problem, content_type = "application/problem+json", description = "The topic is kept on disk, and the disk is full or failed."),
    ),
)]
async fn publish(
    State(app): State<AppState>,
    exchange: Exchange,
    Counted(address): Counted,
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
    app.topics().begin(&topic, address)?;
    let published = app
        .topics()
        .publish(&topic, message, key.as_deref())
        .await?;
    delivery::published(&exchange, &topic, &published);

    let answer = (StatusCode::CREATED, Json(Published { id: published.id() }));
    match published {
        Publication::New { .. } => Ok(answer.into_response()),
        Publication::Known(_) => {
            let replayed = HeaderName::from_static("idempotency-replayed");
            Ok(([(replayed, "true")], answer).into_response())
        }
    }
}
