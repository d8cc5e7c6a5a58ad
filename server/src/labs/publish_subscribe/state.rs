//! `/api/topics/{topic}` itself: what it holds and promises, what it should, its restart and its end.

use axum::{extract::State, http::StatusCode};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{
    Problem,
    limits::{HISTORY_AGE_S_MAX, HISTORY_BYTES_MAX, HISTORY_COUNT_MAX, MESSAGE_BYTES_MAX},
    topics::{HistorySettings, TopicSettings, TopicState},
};

use super::super::topic::request::TopicName;
use crate::{
    AppState, Error, Result,
    address::Counted,
    extract::{Json, as_whole_numbers},
    topics::Settings,
};

/// The routes of the topic itself.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(show, settings, end))
        .routes(routes!(restart))
}

/// Show a topic's state.
#[utoipa::path(
    get,
    path = "/api/topics/{topic}",
    params(TopicName),
    responses(
        (status = 200, body = TopicState, description = "What the topic holds now."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "No topic name."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such topic yet."),
    ),
)]
async fn show(
    State(app): State<AppState>,
    TopicName { topic }: TopicName,
) -> Result<Json<TopicState>> {
    match app.topics().state(&topic).await {
        Some(state) => Ok(Json(state)),
        None => Err(none_of(&topic)),
    }
}

/// Set what a topic promises and keeps.
///
/// Makes the topic where it is not there yet. What is left out stays as it is. `"ack": "disk"` brings the history to the
/// disk, and from then on a publish is delivered and acknowledged only when the disk has it: after a crash the topic goes
/// on with all that was acknowledged, under the same epoch. `"ack": "memory"` takes it off the disk.
#[utoipa::path(
    put,
    path = "/api/topics/{topic}",
    params(TopicName),
    request_body = TopicSettings,
    responses(
        (status = 200, body = TopicState, description = "The topic as it is now."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A setting is out of its bounds."),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "The body is too large."),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "The body is not JSON."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "A cap is reached."),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The server is stopping, or the disk is behind."),
        (status = 507, body = Problem, content_type = "application/problem+json", description = "The disk is full or failed."),
    ),
)]
async fn settings(
    State(app): State<AppState>,
    Counted(address): Counted,
    TopicName { topic }: TopicName,
    Json(mut body): Json<Value>,
) -> Result<Json<TopicState>> {
    as_whole_numbers(&mut body);
    // serde would take an array for a struct.
    let history = body
        .get("history")
        .is_none_or(|h| h.is_object() || h.is_null());
    if !body.is_object() || !history {
        return Err(Error::BadRequest(
            "The settings of a topic are a JSON object, and so is its history.".into(),
        ));
    }
    let settings: TopicSettings = serde_json::from_value(body).map_err(|wrong| {
        Error::BadRequest(format!("These are no settings of a topic: {wrong}."))
    })?;
    let history = settings.history.unwrap_or_default();
    check(&history)?;
    let settings = Settings {
        ack: settings.ack,
        history,
    };
    app.topics().begin(&topic, address)?;
    let state = app.topics().configure(&topic, settings).await?;
    Ok(Json(state))
}

/// Restart a topic.
///
/// Does to this topic what a restart of the server does to all: its subscribers' streams end (a WebSocket's with 1001),
/// and they come back. A topic in memory begins a new life, with another epoch; one on disk goes on.
#[utoipa::path(
    post,
    path = "/api/topics/{topic}/restart",
    params(TopicName),
    responses(
        (status = 200, body = TopicState, description = "The topic as it is now."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "No topic name."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such topic."),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The server is stopping, or the disk is behind."),
        (status = 507, body = Problem, content_type = "application/problem+json", description = "The disk failed."),
    ),
)]
async fn restart(
    State(app): State<AppState>,
    TopicName { topic }: TopicName,
) -> Result<Json<TopicState>> {
    match app.topics().restart(&topic).await? {
        Some(state) => Ok(Json(state)),
        None => Err(none_of(&topic)),
    }
}

/// End a topic.
///
/// Its history is gone, also from the disk, and its subscribers' streams end (a WebSocket's with 1000). The next publish or subscriber begins a new life, with another
/// epoch.
#[utoipa::path(
    delete,
    path = "/api/topics/{topic}",
    params(TopicName),
    responses(
        (status = 204, description = "The topic has ended."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "No topic name."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such topic."),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The disk is behind."),
        (status = 507, body = Problem, content_type = "application/problem+json", description = "The disk failed."),
    ),
)]
async fn end(State(app): State<AppState>, TopicName { topic }: TopicName) -> Result<StatusCode> {
    if app.topics().end(&topic).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(none_of(&topic))
    }
}

/// There is no topic of this name.
pub(super) fn none_of(topic: &str) -> Error {
    Error::NotFound(format!(
        "There is no topic {topic} now. It comes to be with its first publish or subscriber."
    ))
}

/// Every bound that is set lies within its own bounds.
fn check(history: &HistorySettings) -> Result<()> {
    let each = [
        ("count", history.count, 1, HISTORY_COUNT_MAX, "messages"),
        (
            "bytes",
            history.bytes,
            MESSAGE_BYTES_MAX,
            HISTORY_BYTES_MAX,
            "bytes",
        ),
        ("age_s", history.age_s, 1, HISTORY_AGE_S_MAX, "seconds"),
    ];
    for (name, value, least, most, unit) in each {
        if value.is_some_and(|value| !(least..=most).contains(&value)) {
            return Err(Error::BadRequest(format!(
                "history.{name} is {least} to {most} {unit}."
            )));
        }
    }
    Ok(())
}
