//! `GET /api/topics/{topic}/messages`: the same log for clients that ask: at once, or waiting for something to come.

use std::time::{Duration, Instant};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use tokio::time::timeout;
use utoipa::IntoParams;
use wire::{
    Problem,
    limits::{MESSAGES_LIMIT, MESSAGES_LIMIT_MAX, MESSAGES_WAIT_S_MAX},
    topics::{MessageId, MessagesPage},
    trace::Kind,
};

use super::{delivery, request::TopicName};
use crate::{
    AppState, Error, Result,
    connection::Exchange,
    extract::{Json, Query},
    topics::{Batch, Budget, Start, Subscriber},
};

/// How many bytes of messages one answer holds at most; `next` says where the rest begins.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Ask {
    /// The id of the last message seen. Without it: the newest `limit`, or with `wait` what comes from now on.
    after: Option<MessageId>,
    /// How many messages at most. Default 100.
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<usize>,
    /// How long to wait for a message where there is none yet, in seconds.
    #[param(minimum = 0, maximum = 60)]
    wait: Option<u64>,
}

/// Read a topic's messages.
///
/// The answer says what to send as `after` the next time.
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
    ),
)]
pub(super) async fn messages(
    State(app): State<AppState>,
    exchange: Exchange,
    TopicName { topic }: TopicName,
    Query(ask): Query<Ask>,
    headers: HeaderMap,
) -> Result<Response> {
    let preferred = preferred_wait(&headers);
    let wait_s = ask.wait.or(preferred).unwrap_or(0);
    if wait_s > MESSAGES_WAIT_S_MAX {
        return Err(Error::BadRequest(format!(
            "wait is 0 to {MESSAGES_WAIT_S_MAX} seconds."
        )));
    }
    let limit = ask.limit.unwrap_or(MESSAGES_LIMIT);
    if !(1..=MESSAGES_LIMIT_MAX).contains(&limit) {
        return Err(Error::BadRequest(format!(
            "limit is 1 to {MESSAGES_LIMIT_MAX} messages."
        )));
    }
    let start = match ask.after {
        Some(id) => Start::After(id),
        None if wait_s > 0 => Start::Now,
        None => Start::Newest(limit),
    };
    let mut subscriber = app.topics().subscribe(&topic, start)?;
    let budget = Budget {
        count: limit,
        bytes: PAGE_BYTES,
    };
    if wait_s > 0 {
        let began = Instant::now();
        let batch = wait(&mut subscriber, budget, Duration::from_secs(wait_s)).await;
        exchange.stretch(Kind::Process, began);
        let mut response = page(&exchange, &subscriber, &batch);
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if ask.wait.is_none() {
            response.headers_mut().insert(
                HeaderName::from_static("preference-applied"),
                text(format!("wait={wait_s}"))?,
            );
        }
        return Ok(response);
    }

    let tag = format!("\"{}\"", subscriber.last());
    let known = is_known(&headers, &tag);
    let validators = [
        (header::ETAG, text(tag)?),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    if known {
        return Ok((StatusCode::NOT_MODIFIED, validators).into_response());
    }
    let batch = subscriber.take(budget);
    Ok((validators, page(&exchange, &subscriber, &batch)).into_response())
}

/// Waits until there is something, the topic ends, or the time is over.
async fn wait(subscriber: &mut Subscriber, budget: Budget, longest: Duration) -> Batch {
    let something = async {
        loop {
            let batch = subscriber.take(budget);
            if batch.ended || !batch.is_empty() {
                return batch;
            }
            subscriber.ready().await;
        }
    };
    timeout(longest, something).await.unwrap_or_default()
}

fn page(exchange: &Exchange, subscriber: &Subscriber, batch: &Batch) -> Response {
    delivery::delivered(exchange, subscriber.topic(), batch);
    Json(MessagesPage {
        messages: batch.messages.iter().map(|m| m.envelope()).collect(),
        gap: batch.gap.clone(),
        next: subscriber.position(),
    })
    .into_response()
}

/// The `wait` of `Prefer` (RFC 7240 §4.3). A preference that cannot be read is none (§2).
fn preferred_wait(headers: &HeaderMap) -> Option<u64> {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|preference| {
            let (name, value) = preference.split(';').next()?.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("wait")
                .then(|| value.trim().trim_matches('"').parse().ok())?
        })
}

/// Does `If-None-Match` name this tag (RFC 9110 §13.1.2)? Weak comparison, as the field asks for.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

fn text(value: String) -> Result<HeaderValue> {
    HeaderValue::try_from(value).map_err(|error| Error::Internal(error.into()))
}
