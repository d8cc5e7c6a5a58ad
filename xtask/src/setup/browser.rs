//! Chromium, which the browser tests drive: Debian's, because the browsers that test tools download come from places
//! that not every machine reaches.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::apt;

/// Another Chromium or Chrome, by path.
pub(crate) const VARIABLE: &str = "ROUNDTRIP_CHROMIUM";

/// The browser's path.
pub(crate) fn chromium() -> Result<PathBuf> {
    find(
        VARIABLE,
        "/usr/bin/chromium",
        ("chromium", "the browser that the tests drive"),
    )
}

/// The driver's path; it must be of the browser's version.
pub(crate) fn chromedriver() -> Result<PathBuf> {
    find(
        "CHROMEDRIVER",
        "/usr/bin/chromedriver",
        ("chromium-driver", "drives Chromium for the WASM unit tests"),
    )
}

fn find(variable: &str, usual: &str, package: apt::Package) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    if !Path::new(usual).exists() {
        apt::ensure(&[package]).with_context(|| format!("Or set {variable} to its path"))?;
    }
    Ok(usual.into())
}
