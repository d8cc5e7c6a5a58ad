//! What a run of an experiment came to, in a sentence and in figures, computed from its events.

mod chat;
mod job;
mod leave;
mod six;
#[cfg(test)]
mod tests;
mod worked;

use wire::{
    time::duration,
    trace::{SpanId, TraceEvent},
};

pub use self::{
    chat::seen_after,
    six::{Place, places},
};
use super::knobs::{CHAT, JOB, Knobs, LEAVE};
use crate::run::Run;

/// What one press of Run has asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The requests that ordered a job; in the chat those of the one who asks.
    pub orders: Vec<SpanId>,
    /// Those that looked after it, or were open at once; in the chat the stream of the one who is told.
    pub looks: Vec<SpanId>,
    /// How many jobs came of it.
    pub jobs: usize,
}

/// What it came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CameTo {
    /// In a sentence or two; empty where nothing has happened yet.
    pub point: String,
    /// The figures.
    pub rows: Vec<(&'static str, String)>,
}

/// What stands where a figure is not there yet.
const NOT_YET: &str = "not measured";

impl CameTo {
    /// What a run with these controls came to, as far as the events tell.
    pub fn of(run: &Run, knobs: &Knobs, asked: &Asked) -> CameTo {
        match knobs.experiment {
            CHAT => chat::came_to(run, asked),
            JOB => job::came_to(run, knobs, asked),
            LEAVE => leave::came_to(run, knobs, asked),
            _ => six::came_to(run, asked),
        }
    }
}

/// From one event to another, where both have happened.
fn between(from: Option<&TraceEvent>, to: Option<&TraceEvent>) -> Option<i64> {
    Some((to?.at_ns - from?.at_ns).max(0))
}

/// Words behind each other. Compiled once, whatever their number.
#[inline(never)]
fn say(parts: &[&str]) -> String {
    parts.concat()
}

fn none_or(ns: i64) -> String {
    match ns {
        0 => "none".to_owned(),
        ns => duration(ns),
    }
}

fn words(ns: Option<i64>) -> String {
    ns.map_or_else(|| NOT_YET.to_owned(), duration)
}
