//! `cargo xtask soak uploads`: the test in `server/tests/uploads/killed.rs`, with the release build, and for long.

use std::process::Command;

use anyhow::Result;

use crate::paths::Project;
use crate::{build, sh};

use super::Dice;

pub(crate) fn run(project: &Project, kills: u64) -> Result<()> {
    let program = build::release(project)?;
    let Dice(seed) = Dice::new()?;
    let mut test = Command::new("cargo");
    test.current_dir(&project.root)
        .args([
            "test",
            "--locked",
            "--package",
            "server",
            "--test",
            "uploads",
        ])
        .args(["--", "killed", "--nocapture"])
        .env("ROUNDTRIP_BIN", program)
        .env("ROUNDTRIP_KILLS", kills.to_string())
        .env("ROUNDTRIP_SOAK_SEED", seed.to_string());
    sh::run(&mut test)
}
