//! Where things are: the checkout, cargo's target directory, the user's cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::sh;

/// The folders that every command works with. All paths are absolute.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    /// The workspace's root.
    pub(crate) root: PathBuf,
    /// Cargo's target directory, whichever way it was set.
    pub(crate) target: PathBuf,
    /// What outlives `cargo clean`: downloaded and built tools. `$XDG_CACHE_HOME/roundtrip`.
    pub(crate) cache: PathBuf,
}

impl Project {
    /// Asks cargo for the first two; the environment says the third.
    pub(crate) fn find() -> Result<Self> {
        // `cargo run` says where it started this from. What was compiled in may be another checkout, where two share a
        // target directory.
        let package = std::env::var_os("CARGO_MANIFEST_DIR");
        let package = package.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let manifest = Path::new(&package).join("Cargo.toml");
        let mut metadata = Command::new("cargo");
        metadata
            .args([
                "metadata",
                "--no-deps",
                "--offline",
                "--format-version",
                "1",
                "--manifest-path",
            ])
            .arg(manifest);
        let metadata: serde_json::Value = serde_json::from_str(&sh::output(&mut metadata)?)?;
        let folder = |key: &str| {
            metadata[key]
                .as_str()
                .map(PathBuf::from)
                .with_context(|| format!("cargo metadata names no {key}"))
        };
        let cache = match std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()) {
            Some(folder) => PathBuf::from(folder),
            None => home()?.join(".cache"),
        };
        Ok(Self {
            root: folder("workspace_root")?,
            target: folder("target_directory")?,
            cache: cache.join("roundtrip"),
        })
    }
}

fn home() -> Result<PathBuf> {
    std::env::home_dir()
        .context("neither XDG_CACHE_HOME nor HOME is set: set one, tools are kept below it")
}
