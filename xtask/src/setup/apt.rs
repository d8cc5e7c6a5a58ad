//! Debian packages: installed as root, otherwise named in the command that the person is asked to run.

use std::process::Command;

use anyhow::{Result, bail};

use crate::sh;

/// A package and what it is for, which is said before it is installed.
pub(crate) type Package = (&'static str, &'static str);

/// Whether there is an apt to install from.
pub(crate) fn exists() -> bool {
    sh::answers("apt-get", &["--version"])
}

/// Whether apt's lists offer the package. A fresh container has no lists: then they are fetched, as root, and asked again.
pub(crate) fn offers(package: &str) -> bool {
    let known = || sh::answers("apt-cache", &["show", "--quiet=2", package]);
    known() || (is_root() && update().is_ok() && known())
}

/// Installs what is missing of `packages`.
///
/// # Errors
/// Where apt is missing, or this is not root: the error is the command to run.
pub(crate) fn ensure(packages: &[Package]) -> Result<()> {
    let missing: Vec<Package> = packages
        .iter()
        .copied()
        .filter(|(name, _)| !installed(name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    if !exists() {
        bail!(
            "missing: {}. Install them with this system's package manager.",
            reasons(&missing)
        );
    }
    if !is_root() {
        bail!(
            "missing: {}. Run:\n\n    sudo apt-get update && sudo apt-get install --no-install-recommends {}\n",
            reasons(&missing),
            names.join(" ")
        );
    }
    sh::say(&format!("      installing with apt: {}", reasons(&missing)));
    if !names
        .iter()
        .all(|name| sh::answers("apt-cache", &["show", "--quiet=2", name]))
    {
        update()?;
    }
    let install = || {
        let mut install = Command::new("apt-get");
        install
            .args(["install", "--yes", "--quiet=2", "--no-install-recommends"])
            .args(&names);
        sh::output(install.env("DEBIAN_FRONTEND", "noninteractive"))
    };
    // Old lists name versions that the mirror no longer has: fetch them and try once more.
    if install().is_err() {
        update()?;
        install()?;
    }
    Ok(())
}

fn reasons(packages: &[Package]) -> String {
    packages
        .iter()
        .map(|(name, why)| format!("{name} ({why})"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${Status}", package]);
    sh::output(&mut query).is_ok_and(|status| status == "install ok installed")
}

fn update() -> Result<()> {
    sh::output(Command::new("apt-get").args(["update", "--quiet=2"])).map(drop)
}

pub(crate) fn is_root() -> bool {
    sh::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
