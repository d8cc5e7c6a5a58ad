//! cargo-nextest: the machine's, or one built into the user's cache.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::paths::Project;
use crate::sh;

/// Built where there is none.
const VERSION: &str = "0.9.143";

/// `cargo nextest`, or `None` where there is none and none could be built; that is said.
pub(crate) fn command(project: &Project) -> Result<Option<Command>> {
    if sh::answers("cargo", &["nextest", "--version"]) {
        let mut cargo = Command::new("cargo");
        cargo.arg("nextest");
        return Ok(Some(cargo));
    }
    let root = project.cache.join("tools");
    let program: PathBuf = root
        .join("bin")
        .join(format!("cargo-nextest{}", std::env::consts::EXE_SUFFIX));
    if !program.exists() {
        sh::say(&format!(
            "      building cargo-nextest {VERSION}, which runs the tests, once; this takes minutes"
        ));
        let mut cargo = Command::new("cargo");
        cargo
            .args([
                "install",
                "--quiet",
                "--locked",
                "cargo-nextest",
                "--version",
                VERSION,
                "--root",
            ])
            .arg(&root)
            .args(["--no-default-features", "--features", "default-no-update"])
            // It waits for tests most of the time: compiling it soon is worth more than a fast one.
            .args(["--profile", "dev"])
            .env("CARGO_PROFILE_DEV_DEBUG", "false")
            .env("CARGO_TARGET_DIR", project.target.join("xtask/tools"));
        if let Err(error) = sh::run(&mut cargo) {
            sh::say(&format!("      {error:#}; falling back to cargo test"));
            return Ok(None);
        }
        // Hundreds of megabytes that nothing needs again.
        let _ = std::fs::remove_dir_all(project.target.join("xtask/tools"));
    }
    let mut nextest = Command::new(program);
    nextest.arg("nextest");
    Ok(Some(nextest))
}
