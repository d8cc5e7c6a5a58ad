//! A Python environment with the outside clients that `end2end/requirements.txt` pins, in the user's cache.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::apt;
use crate::paths::Project;
use crate::sh;

/// The environment's interpreter.
pub(crate) fn environment(project: &Project) -> Result<PathBuf> {
    if !sh::answers("python3", &["--version"]) {
        apt::ensure(&[
            ("python3", "runs the clients that others wrote"),
            ("python3-venv", "keeps them apart"),
        ])?;
    }
    let requirements = project.root.join("end2end/requirements.txt");
    let mut hash = Sha256::new();
    hash.update(sh::output(
        Command::new("python3").args(["-c", "import sys; print(sys.version, sys.prefix)"]),
    )?);
    hash.update(
        fs::read(&requirements).with_context(|| format!("reading {}", requirements.display()))?,
    );
    let folder = project
        .cache
        .join("python")
        .join(&format!("{:x}", hash.finalize())[..16]);
    let python = folder.join("bin/python");
    let done = folder.join("installed");
    if done.is_file() {
        return Ok(python);
    }
    sh::say("      installing the Python clients: pip install -r end2end/requirements.txt");
    let create = || {
        sh::output(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&folder),
        )
    };
    // Debian's python3 comes without ensurepip.
    if create().is_err() {
        apt::ensure(&[(
            "python3-venv",
            "keeps the Python clients apart from the system's packages",
        )])?;
        create()?;
    }
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
    ])
    .arg(&requirements);
    sh::output(&mut pip)?;
    fs::write(done, "")?;
    Ok(python)
}
