//! Frame times while a run of 10,000 events is panned in Chromium: end2end/bench/frames.bench.ts.

use std::process::Command;

use anyhow::{Result, bail};

use super::Bench;
use crate::setup::{browser, npm};
use crate::sh;

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let chromium = browser::chromium()?;
    let tools = npm::end2end(bench.project)?;
    let mut frames = Command::new(tools.program("playwright"));
    frames
        .args(["test", "--config"])
        .arg(
            bench
                .project
                .root
                .join("end2end/bench/playwright.config.ts"),
        )
        .current_dir(&bench.project.root)
        .env("ROUNDTRIP_BIN", &bench.program)
        .env(browser::VARIABLE, chromium);
    if !sh::tee(&mut frames, |_| {})? {
        bail!("a frame takes longer than 1/60 s, or the page could not be measured, see above");
    }
    Ok(())
}
