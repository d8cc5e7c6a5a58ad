//! The fold: events in, a run out. Pure; every view reads it and none writes it.
//!
//! Events come in the order in which the server took them in, which is not the order in which they happened, and the
//! feed may bring one twice. [`Run::apply`] takes them as they come and keeps three orders: by arrival, by number, by
//! time.

mod arrows;
mod difference;
mod exchange;
mod messages;
mod saved;
mod summary;

#[cfg(test)]
mod tests;

use wire::trace::{Lane, SpanId, TraceEvent, TraceId};

pub use arrows::{Arrow, Way};
pub use exchange::{Exchange, Steps, Stretch};
pub use saved::{FILE_BYTES_MAX, NotARun};

/// A run as the page knows it.
#[derive(Debug, Clone, Default)]
pub struct Run {
    id: Option<TraceId>,
    started_at: String,
    dropped: u64,
    events: Vec<TraceEvent>,
    /// Indexes into `events`, ordered by `seq`.
    by_seq: Vec<u32>,
    /// Indexes into `events`, ordered by time, then `seq`.
    by_time: Vec<u32>,
    lanes: Vec<Lane>,
    exchanges: Vec<Exchange>,
    /// Places in `exchanges`, ordered by their ids.
    by_span: Vec<u32>,
    version: u64,
}

impl Run {
    /// A run of which nothing is known yet.
    pub fn new() -> Run {
        Run::default()
    }

    /// Says which run it is and when it started (RFC 3339), as the feed's first frame tells it.
    pub fn begin(&mut self, id: TraceId, started_at: &str) {
        self.id = Some(id);
        self.started_at = started_at.to_owned();
        self.version += 1;
    }

    /// Takes an event in; false when it was there already. An event without a number (`seq` 0) has not been through
    /// the server and is refused: it would come back with one and stand there twice.
    pub fn apply(&mut self, event: TraceEvent) -> bool {
        if event.seq == 0 {
            return false;
        }
        let place = self.place_of(event.seq);
        if place.is_ok() {
            return false;
        }
        let place = place.unwrap_or_else(|place| place);
        let index = self.events.len() as u32;
        let key = (event.at_ns, event.seq);
        self.by_seq.insert(place, index);
        // Mostly the newest, so look from the end.
        let at = match self.by_time.last() {
            Some(&last) if self.time_key(last) > key => self
                .by_time
                .partition_point(|&other| self.time_key(other) < key),
            _ => self.by_time.len(),
        };
        self.by_time.insert(at, index);
        if !self.lanes.contains(&event.lane) {
            let place = self.lanes.partition_point(|lane| *lane < event.lane);
            self.lanes.insert(place, event.lane);
        }
        if let Some(span) = event.detail.exchange {
            let which = match self.place_of_exchange(span) {
                Ok(place) => self.by_span[place],
                Err(place) => {
                    let new = self.exchanges.len() as u32;
                    self.exchanges.push(Exchange::new(span));
                    self.by_span.insert(place, new);
                    new
                }
            };
            self.events.push(event);
            let events = &self.events;
            if let Some(exchange) = self.exchanges.get_mut(which as usize) {
                exchange.take(events, index);
            }
        } else {
            self.events.push(event);
        }
        self.version += 1;
        true
    }

    /// Says how many events the server has dropped from this run until now.
    pub fn set_dropped(&mut self, dropped: u64) {
        if self.dropped != dropped {
            self.dropped = dropped;
            self.version += 1;
        }
    }

    /// The run's id, once known.
    pub fn id(&self) -> Option<TraceId> {
        self.id
    }

    /// When it started: RFC 3339 in UTC; empty while unknown.
    pub fn started_at(&self) -> &str {
        &self.started_at
    }

    /// How many events were dropped because a bound was reached.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Changes with every change of the run.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Has nothing happened yet?
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The lanes in which something happened, from left to right.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// The events in the order in which they were taken in. Indexes elsewhere mean this slice.
    pub fn events(&self) -> &[TraceEvent] {
        &self.events
    }

    /// Indexes of the events, by time.
    pub fn order(&self) -> &[u32] {
        &self.by_time
    }

    /// The events, by time.
    pub fn in_time(&self) -> impl DoubleEndedIterator<Item = &TraceEvent> + ExactSizeIterator {
        self.by_time.iter().map(|&index| self.event(index))
    }

    /// The event with this number.
    pub fn by_seq(&self, seq: u64) -> Option<&TraceEvent> {
        self.index_of(seq).map(|index| self.event(index))
    }

    /// The index of the event with this number.
    pub fn index_of(&self, seq: u64) -> Option<u32> {
        self.by_seq.get(self.place_of(seq).ok()?).copied()
    }

    /// The exchanges, in the order in which they became known.
    pub fn exchanges(&self) -> &[Exchange] {
        &self.exchanges
    }

    /// The exchange of this id.
    pub fn exchange(&self, span: SpanId) -> Option<&Exchange> {
        let place = self.place_of_exchange(span).ok()?;
        self.exchanges.get(self.by_span[place] as usize)
    }

    /// A run that holds what belongs to these exchanges and nothing else: for comparing one request with another.
    pub fn only(&self, spans: &[SpanId]) -> Run {
        let mut part = Run {
            id: self.id,
            started_at: self.started_at.clone(),
            ..Run::default()
        };
        for event in &self.events {
            if event
                .detail
                .exchange
                .is_some_and(|span| spans.contains(&span))
            {
                part.apply(event.clone());
            }
        }
        part
    }

    /// The first and the last moment of the run, in nanoseconds since its start; `None` while it is empty.
    pub fn span_ns(&self) -> Option<(i64, i64)> {
        let first = self.event(*self.by_time.first()?).at_ns;
        let last = self.events.iter().map(TraceEvent::end_ns).max()?;
        Some((first, last.max(first)))
    }

    /// The event at this index. Indexes come from the run itself, so there is always one.
    pub(crate) fn event(&self, index: u32) -> &TraceEvent {
        &self.events[index as usize]
    }

    fn time_key(&self, index: u32) -> (i64, u64) {
        let event = self.event(index);
        (event.at_ns, event.seq)
    }

    fn place_of_exchange(&self, span: SpanId) -> Result<usize, usize> {
        self.by_span
            .binary_search_by_key(&span, |&place| self.exchanges[place as usize].span())
    }

    fn place_of(&self, seq: u64) -> Result<usize, usize> {
        match self.by_seq.last() {
            None => Err(0),
            Some(&last) if self.event(last).seq < seq => Err(self.by_seq.len()),
            _ => self
                .by_seq
                .binary_search_by_key(&seq, |&index| self.event(index).seq),
        }
    }
}
