//! `cargo xtask bench [NAME…]`: what has a number for an answer. None of it is part of the tests: a busy machine must not
//! fail CI.
//!
//! To add one: a file here with a `pub(super) fn run(bench: &Bench<'_>) -> Result<()>`, and a variant of [`Name`] that
//! says what it measures. It prints its figures with their unit and the number of samples, and fails where a stated aim
//! is missed.

mod frames;
mod hub;
mod lighthouse;
mod load;
mod other;
mod tap;
mod truth;
mod uploads;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::paths::Project;
use crate::{build, sh};

/// A measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// Lighthouse on `/` and each lab, as a phone, the median of five: at least 95 in each category
    Lighthouse,
    /// Frame times in Chromium while a run of 10,000 events is panned: the median at 60 frames/s
    Frames,
    /// The hub beside Nchan, NATS and a textbook server: deliveries, delays, CPU time, memory; needs about ten minutes
    Hub,
    /// What the tap costs: CPU time per request without it at least 0.97 of that with it, when nothing is recorded
    Tap,
    /// How true the times of reads and writes are, against a capture by tshark: a median difference of at most 100 µs
    Truth,
    /// Uploads beside rustus and nginx: at least 1.3 of the one in chunks, 0.7 of the other in one request
    Uploads,
}

/// What every measurement starts from.
struct Bench<'a> {
    project: &'a Project,
    /// The release build's program.
    program: PathBuf,
}

/// Builds the release, then runs the named measurements, all where none is named.
pub(crate) fn run(project: &Project, named: &[Name]) -> Result<()> {
    let bench = Bench {
        project,
        program: build::release(project)?,
    };
    let mut missed = Vec::new();
    for name in Name::value_variants() {
        if !named.is_empty() && !named.contains(name) {
            continue;
        }
        sh::say(&format!("\n══ {name:?}"));
        let result = match name {
            Name::Lighthouse => lighthouse::run(&bench),
            Name::Frames => frames::run(&bench),
            Name::Hub => hub::run(&bench),
            Name::Tap => tap::run(&bench),
            Name::Truth => truth::run(&bench),
            Name::Uploads => uploads::run(&bench),
        };
        if let Err(error) = result {
            sh::say(&format!("error: {error:#}"));
            missed.push(format!("{name:?}"));
        }
    }
    if !missed.is_empty() {
        bail!("missed: {}", missed.join(", "));
    }
    Ok(())
}
