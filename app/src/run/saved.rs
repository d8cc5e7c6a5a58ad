//! A run as a file, and back.

use std::fmt;

use wire::{
    json::{Json, NotJson},
    limits::RUN_EVENTS_MAX,
    trace::{RUN_VERSION, Run as Saved},
};

use super::Run;

/// The largest file that is opened as a run, in bytes: a full run, with white space.
pub const FILE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Why a file is not a run, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotARun {
    why: String,
    advice: &'static str,
}

const OPEN_ANOTHER: &str = "Open a file that “Save run” wrote.";

impl NotARun {
    /// Why it was not opened, in a sentence.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// What to do, in a sentence.
    pub fn advice(&self) -> &'static str {
        self.advice
    }
}

impl fmt::Display for NotARun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.why, self.advice)
    }
}

impl std::error::Error for NotARun {}

impl Run {
    /// A run from its saved form.
    ///
    /// # Errors
    /// When a later version of Roundtrip wrote it, or it holds more events than a run can have.
    pub fn from_saved(saved: Saved) -> Result<Run, NotARun> {
        check_version(saved.version.into())?;
        if saved.events.len() > RUN_EVENTS_MAX {
            return Err(NotARun {
                why: format!(
                    "It holds {} events, and a run has {RUN_EVENTS_MAX} at most.",
                    saved.events.len()
                ),
                advice: OPEN_ANOTHER,
            });
        }
        let mut run = Run::new();
        run.begin(saved.run, &saved.started_at);
        run.set_dropped(saved.dropped);
        for event in saved.events {
            run.apply(event);
        }
        Ok(run)
    }

    /// A run from the text of a file.
    ///
    /// # Errors
    /// When it is too large, no run, or a later version's.
    pub fn from_json(text: &str) -> Result<Run, NotARun> {
        if text.len() > FILE_BYTES_MAX {
            return Err(NotARun {
                why: format!(
                    "It has {}, and a run takes {} at most.",
                    wire::time::bytes(text.len() as u64),
                    wire::time::bytes(FILE_BYTES_MAX as u64)
                ),
                advice: OPEN_ANOTHER,
            });
        }
        let not_a_run = |place: NotJson| NotARun {
            why: format!(
                "It is not a saved run (line {}, column {}).",
                place.line, place.column
            ),
            advice: OPEN_ANOTHER,
        };
        let json = Json::parse(text).map_err(not_a_run)?;
        // JSON, but not a run's: that is known when all of it is read.
        let incomplete = || not_a_run(NotJson::at(text, text.trim_end().len()));
        // What must be known before the rest can be understood.
        let version = json.get("version").and_then(Json::as_u64);
        check_version(version.ok_or_else(incomplete)?)?;
        Run::from_saved(Saved::from_json(json).ok_or_else(incomplete)?)
    }

    /// The run in its saved form, events in the order of `seq`; `None` while its id is not known.
    pub fn to_saved(&self) -> Option<Saved> {
        Some(Saved {
            version: RUN_VERSION,
            run: self.id()?,
            started_at: self.started_at().to_owned(),
            dropped: self.dropped(),
            events: self
                .by_seq
                .iter()
                .map(|&index| self.event(index).clone())
                .collect(),
        })
    }
}

fn check_version(version: u64) -> Result<(), NotARun> {
    if (1..=u64::from(RUN_VERSION)).contains(&version) {
        return Ok(());
    }
    Err(NotARun {
        why: format!(
            "It is of version {version}, and this page reads versions up to {RUN_VERSION}."
        ),
        advice: "Open it with the Roundtrip that saved it.",
    })
}
