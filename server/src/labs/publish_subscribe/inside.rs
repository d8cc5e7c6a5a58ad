//! `/api/topics/{topic}/inside`: the broker looked into. The log, and where each subscriber stands on it: once, or all the
//! time over a WebSocket, which takes none of the six connections that a browser has for plain requests.

use std::time::Duration;

use axum::{
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket},
    },
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use tokio::time::{MissedTickBehavior, interval, timeout};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{
    Problem,
    limits::{INSIDE_CURSORS_MAX, INSIDE_GAP_MS, INSIDE_LIVE_CURSORS_MAX, INSIDE_MINE_MAX},
    socket::close_code,
    topics::TopicInside,
    trace::SpanId,
};

use super::{super::topic::request::TopicName, state::none_of};
use crate::{
    AppState, Error, Result,
    address::Counted,
    extract::{Json, Query, Upgrade},
};

/// How long one frame may take to be sent.
const SEND_MAX: Duration = Duration::from_secs(20);
/// What a page says on this socket is not listened to.
const FRAME_BYTES_MAX: usize = 1024;

/// The routes that look into a topic.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(inside))
        .routes(routes!(inside_live))
}

/// Which subscribers somebody wants to be told of.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Mine {
    /// Exchanges whose subscribers are told of first, with commas between them; at most 16.
    #[param(pattern = "^[0-9a-f]{16}(,[0-9a-f]{16}){0,15}$")]
    mine: Option<String>,
}

impl Mine {
    fn exchanges(&self) -> Result<Vec<SpanId>> {
        let named: Vec<&str> = self.mine.iter().flat_map(|mine| mine.split(',')).collect();
        let is_hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_name = |name: &&str| name.len() == 16 && name.bytes().all(is_hex);
        if named.len() > INSIDE_MINE_MAX || !named.iter().all(is_name) {
            return Err(Error::BadRequest(format!(
                "mine names exchanges, 16 hex digits each, at most {INSIDE_MINE_MAX} of them."
            )));
        }
        // Zeros alone are nobody's name.
        Ok(named
            .into_iter()
            .filter_map(|name| name.parse().ok())
            .collect())
    }
}

/// Look into a topic.
///
/// What its history holds against its bounds, and where its subscribers stand on it: what each has taken, how far behind
/// it is, what it has missed; and who left last. Of at most 100 subscribers one by one, of all of them how many stand where.
#[utoipa::path(
    get,
    path = "/api/topics/{topic}/inside",
    params(TopicName, Mine),
    responses(
        (status = 200, body = TopicInside, description = "What is inside now."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "No topic name, or no exchange."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such topic yet."),
    ),
)]
async fn inside(
    State(app): State<AppState>,
    TopicName { topic }: TopicName,
    Query(mine): Query<Mine>,
) -> Result<Json<TopicInside>> {
    let mine = mine.exchanges()?;
    match app.topics().inside(&topic, Duration::ZERO) {
        Some(inside) => Ok(Json(inside.told(&mine, INSIDE_CURSORS_MAX))),
        None => Err(none_of(&topic)),
    }
}

/// Look into a topic all the time.
///
/// A WebSocket with JSON text frames: the same as a single look, of at most 20 subscribers one by one, whenever something
/// has changed, at most four times a second; `null` while there is no such topic.
#[utoipa::path(
    get,
    path = "/api/topics/{topic}/inside/live",
    params(TopicName, Mine),
    responses(
        (status = 101, description = "The socket is open."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "No topic name, or no exchange."),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "The `Origin` is another one."),
        (status = 426, body = Problem, content_type = "application/problem+json", description = "The request does not ask for a WebSocket."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "A cap is reached."),
    ),
)]
async fn inside_live(
    State(app): State<AppState>,
    Counted(address): Counted,
    TopicName { topic }: TopicName,
    Query(mine): Query<Mine>,
    Upgrade(upgrade): Upgrade,
) -> Result<Response> {
    let mine = mine.exchanges()?;
    let most = app.config().limits.feeds_per_address;
    let place = app.looks().take(address, most).ok_or(Error::TooMany {
        what: "Looks into topics from your address",
        limit: most as u64,
    })?;
    let upgrade = upgrade
        .read_buffer_size(FRAME_BYTES_MAX)
        .write_buffer_size(FRAME_BYTES_MAX)
        .max_message_size(FRAME_BYTES_MAX);
    Ok(upgrade
        .on_upgrade(async move |socket| {
            follow(socket, &app, &topic, &mine).await;
            drop(place);
        })
        .into_response())
}

/// Tells what is inside until the page leaves.
async fn follow(mut socket: WebSocket, app: &AppState, topic: &str, mine: &[SpanId]) {
    let gap = Duration::from_millis(INSIDE_GAP_MS);
    let mut tick = interval(gap);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = String::new();
    loop {
        tokio::select! {
            () = app.stopping().cancelled() => {
                let reason = "the server stops".into();
                let close = CloseFrame { code: close_code::RESTART, reason };
                let _ = timeout(SEND_MAX, socket.send(Message::Close(Some(close)))).await;
                return;
            }
            heard = socket.recv() => match heard {
                Some(Ok(_)) => {}
                _ => return,
            },
            _ = tick.tick() => {
                // All who look at about the same time see the same.
                let inside = app.topics().inside(topic, gap / 2);
                let inside = inside.map(|inside| inside.told(mine, INSIDE_LIVE_CURSORS_MAX));
                // Numbers and text: it always serializes.
                let now = serde_json::to_string(&inside).unwrap_or_default();
                if now != told {
                    let sent = timeout(SEND_MAX, socket.send(Message::text(now.as_str()))).await;
                    if !matches!(sent, Ok(Ok(()))) {
                        return;
                    }
                    told = now;
                }
            }
        }
    }
}
