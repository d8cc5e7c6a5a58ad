//! `GET /api/topics/{topic}/messages`: one address, two labs. Without `wait` it answers at once (short polling), with
//! `wait` it answers when there is something to say (long polling).

use axum::{extract::State, http::HeaderMap, response::Response};
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{Problem, limits::MESSAGES_WAIT_S_MAX, topics::MessagesPage};

use super::{
    long_polling, short_polling,
    topic::{page::Ask, request::TopicName},
    wait::Wait,
};
use crate::{AppState, Result, address::Counted, connection::Exchange, extract::Query};

/// The one endpoint.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(messages))
}

/// Read a topic's messages.
///
/// Without `wait`, what is there now (short polling). With it, what is there, or as soon as something comes (long
/// polling). Either way the answer says what to send as `after` the next time.
#[utoipa::path(
    get,
    path = "/api/topics/{topic}/messages",
    params(
        TopicName,
        Ask,
        ("Prefer" = Option<String>, Header, description = "`wait=N` means the same as the query's `wait` (RFC 7240); the query wins."),
        ("If-None-Match" = Option<String>, Header, description = "Without `wait`: answer 304 where nothing new has come."),
    ),
    responses(
        (status = 200, body = MessagesPage, description = "The messages, none perhaps.", headers(
            ("ETag" = String, description = "Without `wait`: the id of the topic's last message."),
            ("Preference-Applied" = String, description = "Where `Prefer: wait` was followed."))),
        (status = 304, description = "Nothing new has come."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A parameter is out of its bounds."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "A cap is reached."),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The server is stopping."),
    ),
)]
async fn messages(
    State(app): State<AppState>,
    exchange: Exchange,
    counted: Counted,
    TopicName { topic }: TopicName,
    Query(ask): Query<Ask>,
    headers: HeaderMap,
) -> Result<Response> {
    match Wait::asked(ask.wait, &headers, MESSAGES_WAIT_S_MAX)? {
        Some(wait) => long_polling::wait(&app, &exchange, counted, &topic, &ask, wait).await,
        None => short_polling::now(&app, &exchange, &topic, &ask, &headers).await,
    }
}
