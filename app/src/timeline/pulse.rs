//! What the axis must know of a run: its moments, where nothing happens, and how much there is to show in between.

use wire::trace::{Kind, SpanId};

use super::{Source, axis::length_ns};
use crate::{order, run::Way};

/// A gap between two neighbouring moments is idle when it is this many times as long as what usually travels takes.
const IDLE_FACTOR: i64 = 8;
/// No gap below this is idle, in nanoseconds.
const IDLE_LEAST_NS: i64 = 50_000;
/// How many idle gaps are told apart. A run with more is busy all the time.
pub(super) const IDLE_MAX: usize = 4_096;
/// How many moments may be drawn larger; with more there is no room for it.
pub(super) const LENS_MOMENTS_MAX: usize = 2_000;

/// A stretch in which nothing happens and nothing is on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idle {
    /// Where it begins, in nanoseconds since the origin.
    pub from_ns: i64,
    /// Where it ends.
    pub to_ns: i64,
}

/// What happens between two idle stretches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burst {
    /// How long it lasts, in nanoseconds.
    pub ns: f64,
    /// How many different things the busiest lane has to say about it.
    pub rows: usize,
}

/// The moments of all runs on the picture. Made once for each change of a run, whatever the zoom.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pulse {
    /// Every moment at which something begins or ends, each once, in order.
    pub moments: Vec<i64>,
    /// The idle stretches, in order.
    pub idle: Vec<Idle>,
    /// What lies between them: one more than there are idle stretches, or none where there is no event.
    pub bursts: Vec<Burst>,
    /// More idle stretches than are told apart: the run is busy all the time.
    pub busy: bool,
}

impl Pulse {
    /// Takes the pulse of the runs on the picture.
    pub fn of(sources: &[Source<'_>]) -> Pulse {
        let mut moments = Vec::new();
        for source in sources {
            for event in source.run.in_time() {
                moments.push(source.at(event.at_ns));
                if event.duration_ns.is_some() {
                    moments.push(source.at(event.end_ns()));
                }
            }
        }
        order::by_number(&mut moments, |at| *at);
        moments.dedup();
        let (idle, busy) = idle(&moments, sources);
        let bursts = bursts(&moments, &idle, sources);
        Pulse {
            moments,
            idle,
            bursts,
            busy,
        }
    }

    /// From the first moment to the last, in nanoseconds.
    pub fn ns(&self) -> f64 {
        match (self.moments.first(), self.moments.last()) {
            (Some(&first), Some(&last)) => length_ns(first, last),
            _ => 0.0,
        }
    }
}

fn idle(moments: &[i64], sources: &[Source<'_>]) -> (Vec<Idle>, bool) {
    // What is on the way: the arrows by the time at which they left, and how far those so far reach.
    let mut flights: Vec<(i64, i64)> = Vec::new();
    for source in sources {
        for arrow in source.arrows {
            if arrow.way != Way::Handover {
                let end = |index| source.at(source.run.event(index).at_ns);
                flights.push((end(arrow.from), end(arrow.to)));
            }
        }
    }
    order::by_number(&mut flights, |(from, _)| *from);
    let mut lengths: Vec<i64> = flights
        .iter()
        .map(|(from, to)| to.saturating_sub(*from))
        .collect();
    let gaps = || moments.windows(2).map(|two| two[1].saturating_sub(two[0]));
    let usual = if lengths.is_empty() {
        let mut gaps: Vec<i64> = gaps().collect();
        let upper = gaps.len() * 3 / 4;
        middle(&mut gaps, upper)
    } else {
        let half = lengths.len() / 2;
        middle(&mut lengths, half)
    };
    let least = usual.saturating_mul(IDLE_FACTOR).max(IDLE_LEAST_NS);
    let mut reach = i64::MIN;
    for flight in &mut flights {
        reach = reach.max(flight.1);
        flight.1 = reach;
    }
    let in_flight = |from: i64, to: i64| {
        let left = flights.partition_point(|flight| flight.0 <= from);
        left > 0 && flights.get(left - 1).is_some_and(|flight| flight.1 >= to)
    };
    let mut idle: Vec<Idle> = moments
        .windows(2)
        .filter(|two| two[1].saturating_sub(two[0]) >= least && !in_flight(two[0], two[1]))
        .map(|two| Idle {
            from_ns: two[0],
            to_ns: two[1],
        })
        .collect();
    let busy = idle.len() > IDLE_MAX;
    if busy {
        idle.clear();
    }
    (idle, busy)
}

/// The value that would stand there if they were sorted; 0 where there is none.
fn middle(values: &mut Vec<i64>, place: usize) -> i64 {
    order::by_number(values, |value| *value);
    values.get(place).or(values.last()).copied().unwrap_or(0)
}

/// In each burst, how many rows the busiest lane wants: neighbours of the same kind and exchange share one.
fn bursts(moments: &[i64], idle: &[Idle], sources: &[Source<'_>]) -> Vec<Burst> {
    let (Some(&first), Some(&last)) = (moments.first(), moments.last()) else {
        return Vec::new();
    };
    let starts = std::iter::once(first).chain(idle.iter().map(|idle| idle.to_ns));
    let ends = idle.iter().map(|idle| idle.from_ns).chain([last]);
    let mut bursts: Vec<Burst> = starts
        .zip(ends)
        .map(|(from, to)| Burst {
            ns: length_ns(from, to),
            rows: 0,
        })
        .collect();
    struct Row {
        burst: usize,
        rows: usize,
        kind: Kind,
        exchange: Option<SpanId>,
    }
    for source in sources {
        let lanes = source.run.lanes();
        let mut rows: Vec<Option<Row>> = lanes.iter().map(|_| None).collect();
        let mut burst = 0;
        for event in source.run.in_time() {
            let at = source.at(event.at_ns);
            while idle.get(burst).is_some_and(|idle| idle.to_ns <= at) {
                burst += 1;
            }
            let lane = lanes.iter().position(|lane| *lane == event.lane);
            let Some(slot) = lane.and_then(|lane| rows.get_mut(lane)) else {
                continue;
            };
            let next = match slot.take() {
                Some(row) if row.burst == burst => {
                    let same = row.kind == event.kind && row.exchange == event.detail.exchange;
                    row.rows + usize::from(!same)
                }
                _ => 1,
            };
            *slot = Some(Row {
                burst,
                rows: next,
                kind: event.kind,
                exchange: event.detail.exchange,
            });
            if let Some(burst) = bursts.get_mut(burst) {
                burst.rows = burst.rows.max(next);
            }
        }
    }
    bursts
}
