//! `cargo xtask test`: everything that CI checks, in sections, with a summary at the end.

mod steps;
mod tally;

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::paths::Project;
use crate::sh;
use tally::Tally;

/// One section. All of them run in this order unless some are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// `cargo fmt --check`
    Fmt,
    /// Clippy on everything native, warnings denied
    Clippy,
    /// Clippy on the browser's half for wasm32, warnings denied
    ClippyWasm,
    /// The documentation builds without a warning
    Docs,
    /// Unit and integration tests, by cargo-nextest
    Nextest,
    /// The examples in the documentation
    Doctests,
    /// The browser's half in headless Chromium: app/tests
    Wasm,
    /// The release build, as `cargo xtask build` makes it
    Build,
    /// Playwright against the real program in Chromium: end2end/
    Browser,
    /// Clients and suites from npm and PyPI against the real program: end2end/clients
    Clients,
}

/// What the steps share.
struct Context<'a> {
    project: &'a Project,
    /// The release build's program, once it is built; `Err` once that has failed.
    program: Option<Result<PathBuf, ()>>,
    tally: Tally,
}

struct Outcome {
    step: Step,
    took: Duration,
    tally: Tally,
    error: Option<String>,
}

/// Runs the named steps, all where none is named. A failed step does not keep the others from running.
pub(crate) fn run(project: &Project, named: &[Step]) -> Result<()> {
    let all = Step::value_variants();
    let chosen: Vec<Step> = all
        .iter()
        .copied()
        .filter(|step| named.is_empty() || named.contains(step))
        .collect();
    let mut context = Context {
        project,
        program: None,
        tally: Tally::default(),
    };
    let start = Instant::now();
    let mut outcomes = Vec::new();
    for (number, step) in (1..).zip(&chosen) {
        sh::say(&format!(
            "\n══ [{number}/{}] {} {}",
            chosen.len(),
            step.name(),
            "═".repeat(60 - step.name().len())
        ));
        let start = Instant::now();
        context.tally = Tally::default();
        let error = step
            .run(&mut context)
            .err()
            .map(|error| format!("{error:#}"));
        if let Some(error) = &error {
            sh::say(&format!("error: {error}"));
        }
        let tally = std::mem::take(&mut context.tally).of_step(error.is_none());
        outcomes.push(Outcome {
            step: *step,
            took: start.elapsed(),
            tally,
            error,
        });
    }
    summarise(&outcomes, start.elapsed())
}

fn summarise(outcomes: &[Outcome], took: Duration) -> Result<()> {
    sh::say(&format!(
        "\n══ Summary, {} {}",
        sh::duration(took),
        "═".repeat(45)
    ));
    for outcome in outcomes {
        let result = if outcome.error.is_none() {
            "ok"
        } else {
            "FAILED"
        };
        sh::say(&format!(
            "{:<12} {result:<7} {:>12}",
            outcome.step.name(),
            sh::duration(outcome.took)
        ));
        for line in &outcome.tally.closing {
            sh::say(&format!("             {}", line.trim()));
        }
    }
    let passed: u64 = outcomes.iter().map(|outcome| outcome.tally.passed).sum();
    let failed: u64 = outcomes.iter().map(|outcome| outcome.tally.failed).sum();
    sh::say(&format!("\n{passed} passed, {failed} failed"));
    if failed > 0 {
        let names: Vec<&str> = outcomes
            .iter()
            .filter(|outcome| outcome.error.is_some())
            .map(|outcome| outcome.step.name())
            .collect();
        bail!(
            "run the failed steps alone: cargo xtask test {}",
            names.join(" ")
        );
    }
    Ok(())
}

impl Step {
    /// As it is written on the command line.
    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::ClippyWasm => "clippy-wasm",
            Self::Docs => "docs",
            Self::Nextest => "nextest",
            Self::Doctests => "doctests",
            Self::Wasm => "wasm",
            Self::Build => "build",
            Self::Browser => "browser",
            Self::Clients => "clients",
        }
    }
}

impl Context<'_> {
    /// Runs with the output shown; the exit code decides, the lines are tallied.
    fn check(&mut self, command: &mut Command) -> Result<()> {
        let shown = sh::shown(command);
        sh::say(&format!("$ {shown}"));
        command
            .current_dir(&self.project.root)
            .env("CARGO_TARGET_DIR", &self.project.target);
        if !sh::tee(command, |line| self.tally.see(line))? {
            bail!("`{shown}` failed");
        }
        Ok(())
    }
}
