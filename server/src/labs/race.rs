//! The race: every way to hear of a topic, side by side. The page races the transports of the other labs; what is here adds
//! a crowd to them.
//!
//! - Use it when you have to choose a transport, and want to see what each costs before you do.
//! - It costs what its subscribers cost: each is a connection, and each message is written to each of them.
//! - It has no standard: the ways have theirs.
//!
//! A swarm is subscribers that the server connects to its own port, over real sockets, as strangers would.

use std::time::Duration;

use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{
    Problem,
    limits::{
        SWARM_S_MAX, SWARM_SUBSCRIBERS_IN_ALL_MAX, SWARM_SUBSCRIBERS_MAX,
        SWARM_SUBSCRIBERS_PER_ADDRESS_MAX,
    },
    race::{SwarmOrder, SwarmState, Way},
    topics::is_topic_name,
};

use crate::{
    AppState, Error, Result,
    address::Counted,
    extract::{self, Json, Path},
    swarm::{Full, Plan, Report, Server},
    topics,
};

/// The lab's endpoints.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(add_swarm))
        .routes(routes!(swarm, end_swarm))
}

/// Add subscribers to a topic
///
/// The server connects them to its own port and to no other, each over a socket of its own. They begin behind the topic's last
/// message, and leave when their time is over.
#[utoipa::path(
    post,
    path = "/api/race/swarm",
    request_body = SwarmOrder,
    responses(
        (status = 202, body = SwarmState, description = "They are being connected.", headers(
            ("Location" = String, description = "Where to ask what they see."))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "No topic name, or a figure is out of its bounds."),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "More than 2 MiB."),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "No JSON."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "There are as many as there may be."),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The server is stopping, or refused them."),
    ),
)]
async fn add_swarm(
    State(app): State<AppState>,
    Counted(address): Counted,
    Json(order): Json<Value>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<SwarmState>)> {
    let plan = plan(&app, extract::object(order, "An order for subscribers")?)?;
    let id = match app.swarms().begin(plan, address).await {
        Ok(Ok(id)) => id,
        Ok(Err(cause)) => {
            return Err(Error::Unavailable(format!(
                "No subscriber got in: {cause:#}."
            )));
        }
        Err(full) => return Err(full.into()),
    };
    let place = [(header::LOCATION, format!("/api/race/swarm/{id}"))];
    Ok((
        StatusCode::ACCEPTED,
        place,
        found(id.clone(), app.swarms().report(&id))?,
    ))
}

/// What a swarm sees
#[utoipa::path(
    get,
    path = "/api/race/swarm/{id}",
    params(("id" = String, Path, description = "The swarm.")),
    responses(
        (status = 200, body = SwarmState, description = "What it has seen so far."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "The address cannot be read."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such swarm."),
    ),
)]
async fn swarm(State(app): State<AppState>, Path(id): Path<String>) -> Result<Json<SwarmState>> {
    let report = app.swarms().report(&id);
    found(id, report)
}

/// Send a swarm away
///
/// Its connections are closed. The answer is what it had seen.
#[utoipa::path(
    delete,
    path = "/api/race/swarm/{id}",
    params(("id" = String, Path, description = "The swarm.")),
    responses(
        (status = 200, body = SwarmState, description = "What it had seen."),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "The address cannot be read."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such swarm."),
    ),
)]
async fn end_swarm(
    State(app): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<SwarmState>> {
    let report = app.swarms().end(&id);
    found(id, report)
}

/// Whom to connect, and for how long, if that is within the bounds.
fn plan(app: &AppState, order: SwarmOrder) -> Result<Plan> {
    if !is_topic_name(&order.topic) {
        return Err(topics::Error::BadName.into());
    }
    let subscribers = within("subscribers", order.subscribers, SWARM_SUBSCRIBERS_MAX, "")?;
    let seconds = within("seconds", order.seconds, SWARM_S_MAX, "s")?;
    let asked = |way: &Way| order.transports.is_empty() || order.transports.contains(way);
    let at = app.connections().own_address()?;
    Ok(Plan {
        server: Server {
            at,
            authority: at.to_string(),
        },
        topic: order.topic.clone(),
        subscribers: usize::try_from(subscribers).unwrap_or(usize::MAX),
        ways: Way::ALL.into_iter().filter(asked).collect(),
        time: Duration::from_secs(seconds),
        publish: None,
        cuts: None,
        same_clock: true,
    })
}

fn within(what: &'static str, value: u64, most: u64, unit: &'static str) -> Result<u64> {
    let bound = 1..=most;
    if bound.contains(&value) {
        Ok(value)
    } else {
        Err(Error::OutOfBounds {
            what,
            value,
            bound,
            unit,
        })
    }
}

fn found(id: String, report: Option<(String, Report)>) -> Result<Json<SwarmState>> {
    let Some((topic, report)) = report else {
        return Err(Error::NotFound(format!(
            "There is no swarm {id}. It was sent away, or the server has begun anew."
        )));
    };
    Ok(Json(SwarmState {
        id,
        topic,
        running: report.running,
        seconds_left: report.left.as_secs(),
        published: report.published,
        transports: report.figures,
    }))
}

impl From<Full> for Error {
    fn from(full: Full) -> Self {
        let (what, limit) = match full {
            Full::InAll => ("Subscribers of all swarms", SWARM_SUBSCRIBERS_IN_ALL_MAX),
            Full::FromAddress => (
                "Subscribers of the swarms from your address",
                SWARM_SUBSCRIBERS_PER_ADDRESS_MAX,
            ),
        };
        Error::TooMany { what, limit }
    }
}
