//! Faults that a request asks for: its words, and what the tap needs to know of them.
//!
//! They are for the one exchange that asks. The gate reads them when it lets the request through; the tap does what they
//! say (`tap/faulty.rs`), and tells each act as an event of kind `fault`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::extract::Request;
use parking_lot::Mutex;
use tokio::time::Instant as Clock;
use utoipa::{
    PartialSchema,
    openapi::{
        OpenApi, Ref, Required,
        path::{ParameterBuilder, ParameterIn},
    },
};
use wire::{
    Fault, Faults,
    faults::{FAULTS_FIELD, FAULTS_PARAMETER, FaultsError},
    http1::Direction,
    limits::{FAULT_EVENTS_MAX, FAULTS_S_MAX},
    trace::{Kind, Lane},
};

use super::{
    admission::{Connections, FaultPlace, Refused},
    exchange::{Arrival, Exchange},
};
use crate::{Error, Result, trace::Draft};

/// The faults of one exchange. They hold one of the places for such exchanges as long as they act.
pub(super) struct Asked {
    pub faults: Faults,
    /// When the tap was told.
    pub since: Clock,
    /// When they end: what is left of the exchange then goes on without.
    pub until: Clock,
    exchange: Exchange,
    told: AtomicU32,
    place: Mutex<Option<FaultPlace>>,
}

/// What a fault did.
pub(super) struct Act {
    pub fault: Fault,
    pub direction: Direction,
    pub summary: String,
    /// When it began.
    pub at: Instant,
    /// How long it went on, where it did.
    pub took: Option<Duration>,
    /// To how many bytes.
    pub bytes: Option<u64>,
}

/// The faults that this request asks for, in its header or its query; none where it says nothing of them.
pub(super) fn asked(
    request: &Request,
    exchange: &Exchange,
    connections: &Connections,
) -> Result<Option<Arc<Asked>>> {
    let Some(words) = words(request)? else {
        return Ok(None);
    };
    let faults: Faults = words.parse().map_err(refused)?;
    if faults.is_none() {
        return Ok(None);
    }
    if connections.limits().without_tap {
        let why = "Faults act in the tap, and this server runs without it.";
        return Err(Error::Unavailable(why.into()));
    }
    let arrival = request.extensions().get::<Arrival>();
    let place = connections
        .place_for_faults(arrival.map(|arrival| arrival.peer))
        .map_err(too_many)?;
    let since = Clock::now();
    Ok(Some(Arc::new(Asked {
        faults,
        since,
        until: since + Duration::from_secs(FAULTS_S_MAX),
        exchange: exchange.clone(),
        told: AtomicU32::new(0),
        place: Mutex::new(Some(place)),
    })))
}

/// What a page's address asks for is meant for the page's requests, not for the page.
const PAGES: &str = "/labs/";

/// All that the request says: fields of several lines are a list (RFC 9110 §5.3), and the query says the same words.
fn words(request: &Request) -> Result<Option<String>> {
    let fields = request.headers();
    let query = request
        .uri()
        .query()
        .filter(|query| query.contains(FAULTS_PARAMETER))
        .filter(|_| !request.uri().path().starts_with(PAGES));
    if query.is_none() && !fields.contains_key(FAULTS_FIELD) {
        return Ok(None);
    }
    let mut words = Vec::new();
    for value in fields.get_all(FAULTS_FIELD) {
        let value = value.to_str().map_err(|_| {
            Error::BadRequest("Roundtrip-Faults has characters that none of its words has.".into())
        })?;
        words.push(value.to_owned());
    }
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    words.extend(
        pairs
            .filter(|(name, _)| name == FAULTS_PARAMETER)
            .map(|(_, value)| value.into_owned()),
    );
    Ok(Some(words.join(",")))
}

fn too_many(refused: Refused) -> Error {
    let (what, limit) = match refused {
        Refused::InAll(most) => ("Exchanges with faults", most),
        Refused::FromAddress(most) => ("Exchanges with faults from your address", most),
    };
    let limit = limit as u64;
    Error::TooMany { what, limit }
}

fn refused(error: FaultsError) -> Error {
    match error {
        FaultsError::OutOfBounds(fault, value) => Error::OutOfBounds {
            what: fault.name(),
            value,
            bound: fault.bounds(),
            unit: fault.unit(),
        },
        other => Error::BadRequest(other.to_string()),
    }
}

/// Says in the API's description, once, what every request may ask for.
pub fn describe(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    components.schemas.insert("Faults".into(), Faults::schema());
    for (name, key, place) in [
        (FAULTS_PARAMETER, "FaultsInQuery", ParameterIn::Query),
        ("Roundtrip-Faults", "FaultsInHeader", ParameterIn::Header),
    ] {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(Required::False)
            .description(Some(
                "Every request may ask for faults of its own exchange, here or in the other place; they act behind its \
                 head, on this exchange alone, and are events of kind `fault` in its run. Words that ask for none, or \
                 for more than their bounds, are answered with 400 and a problem that names them.",
            ))
            .schema(Some(Ref::from_schema_name("Faults")))
            .build();
        components.parameters.insert(key.into(), parameter.into());
    }
}

impl Asked {
    /// How much of this fault is asked for.
    pub(super) fn get(&self, fault: Fault) -> Option<u64> {
        self.faults.get(fault)
    }

    /// The same as a time.
    pub(super) fn time(&self, fault: Fault) -> Option<Duration> {
        self.get(fault).map(Duration::from_millis)
    }

    /// The fault in its own words: `rate 56kbit`.
    pub(super) fn in_words(&self, fault: Fault) -> String {
        let value = self.get(fault).unwrap_or_default();
        format!("{} {}", fault.name(), fault.in_words(value))
    }

    /// When this piece, which came at `since`, is let through: later by the latency, which jitters.
    pub(super) fn due(&self, since: Clock) -> Clock {
        let latency = self.get(Fault::Latency).unwrap_or_default() * 1_000;
        let jitter = self.get(Fault::Jitter).unwrap_or_default() * 1_000;
        let least = latency.saturating_sub(jitter);
        let late = rand::random_range(least..=latency + jitter);
        (since + Duration::from_micros(late)).min(self.until)
    }

    /// Does it make pieces late?
    pub(super) fn delays(&self) -> bool {
        self.get(Fault::Latency).is_some() || self.get(Fault::Jitter).is_some()
    }

    /// Their time is over: another exchange may have the place.
    pub(super) fn give_place_back(&self) {
        self.place.lock().take();
    }

    /// Puts what was done on the timeline. Of an exchange that goes on and on only the first acts are told.
    pub(super) fn tell(&self, act: impl FnOnce() -> Act) {
        if !self.exchange.is_recorded() || self.told.fetch_add(1, Relaxed) >= FAULT_EVENTS_MAX {
            return;
        }
        self.tell_always(act());
    }

    /// The same for what happens once.
    pub(super) fn tell_always(&self, act: Act) {
        self.exchange.emit(|| {
            let mut draft = Draft::new(Lane::SOCKET, Kind::Fault, act.at);
            draft.duration = act.took;
            draft.bytes = act.bytes;
            draft.with(|detail| {
                let direction = match act.direction {
                    Direction::Request => "request",
                    Direction::Response => "response",
                };
                detail.more.insert("fault".into(), act.fault.name().into());
                detail.more.insert("direction".into(), direction.into());
                detail.summary = Some(act.summary);
            })
        });
    }
}
