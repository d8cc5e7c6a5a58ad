//! A Rust toolchain that can compile for `wasm32-unknown-unknown`.
//!
//! First choice: `rustup target add`, one download. Where rustup can reach nothing (a machine that sees only package
//! registries), Debian's own compiler does it: see [`super::debian`].

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::{apt, debian};
use crate::paths::Project;
use crate::sh;

/// The target's name.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Which toolchain compiles the browser's half. Native code uses the ordinary `cargo` in every case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The one that `cargo` means here.
    Default,
    /// Debian's packages, known to rustup as `debian`.
    Debian,
}

impl Toolchain {
    /// `cargo`, of this toolchain.
    pub(crate) fn cargo(self) -> Command {
        self.tool("cargo")
    }

    /// A program of this toolchain, such as `cargo` or `rustc`.
    pub(crate) fn tool(self, name: &str) -> Command {
        match self {
            Self::Default => Command::new(name),
            Self::Debian => {
                let mut command = Command::new("rustup");
                command.args(["run", debian::NAME, name]);
                sh::without_cargo_environment(&mut command);
                command
            }
        }
    }

    /// The compiler's full version, which the build's fingerprint includes.
    pub(crate) fn version(self) -> Result<String> {
        sh::output(self.tool("rustc").arg("-vV"))
    }

    /// For the terminal.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Default => "the default toolchain",
            Self::Debian => "Debian's toolchain",
        }
    }
}

/// Finds or makes the toolchain. Once it is there this takes two calls of `rustc`.
///
/// # Errors
/// Where it cannot be made: what was tried, and the command to run.
pub(crate) fn ensure(project: &Project) -> Result<Toolchain> {
    let sysroot = sh::output(Command::new("rustc").args(["--print", "sysroot"]))?;
    if has_core(Path::new(sysroot.trim())) {
        return Ok(Toolchain::Default);
    }
    if debian::is_ready() {
        return Ok(Toolchain::Debian);
    }
    let rustup = sh::answers("rustup", &["--version"]);
    let why = if rustup {
        sh::say(&format!(
            "      the Rust standard library for {TARGET} is missing: rustup target add {TARGET}"
        ));
        match sh::output(Command::new("rustup").args(["target", "add", TARGET])) {
            Ok(_) => return Ok(Toolchain::Default),
            Err(error) => last_line(&error),
        }
    } else {
        "there is no rustup".to_owned()
    };
    if apt::is_root() && apt::exists() && apt::offers(debian::COMPILER) {
        sh::say(&format!(
            "      that did not work ({why}); Debian's packages can do it instead"
        ));
        debian::install(project)?;
        return Ok(if rustup {
            Toolchain::Debian
        } else {
            Toolchain::Default
        });
    }
    let command = if rustup {
        format!("rustup target add {TARGET}")
    } else {
        "https://rustup.rs, then this again".into()
    };
    bail!(
        "no compiler for {TARGET}: {why}.\nRun:\n\n    {command}\n\n\
         or, on Debian 12 where rustup reaches nothing, run `cargo xtask build` once as root: it builds the target from \
         Debian's packages."
    )
}

/// Whether a sysroot holds the target's `core`.
pub(super) fn has_core(sysroot: &Path) -> bool {
    let Ok(files) = sysroot
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib")
        .read_dir()
    else {
        return false;
    };
    files.flatten().any(|file| {
        let name = file.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libcore-") && name.ends_with(".rlib")
    })
}

fn last_line(error: &anyhow::Error) -> String {
    let message = format!("{error:#}");
    message
        .lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or_default()
        .trim()
        .to_owned()
}
