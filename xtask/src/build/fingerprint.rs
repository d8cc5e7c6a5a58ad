//! Whether the site has to be built again: a hash over the contents of everything it is made of.
//!
//! Cargo decides by modification times, and a fresh clone has new ones. Minutes of link-time optimisation deserve a
//! closer look.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::Mode;
use crate::paths::Project;
use crate::setup::wasm::Toolchain;

/// Files and folders below the workspace's root. xtask's own source is among them: it is the recipe.
const INPUTS: [&str; 10] = [
    "app/src",
    "app/Cargo.toml",
    "wire/src",
    "wire/Cargo.toml",
    "style",
    "public",
    "Cargo.toml",
    "Cargo.lock",
    "xtask/src/build",
    "xtask/npm",
];

/// The inputs' hash, in hex.
pub(super) fn of(project: &Project, mode: Mode, toolchain: Toolchain) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(format!("{mode:?}\0{}\0", toolchain.version()?));
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        hash.update(format!("{:?}\0", std::env::var_os(variable)));
    }
    for input in INPUTS {
        for file in files(&project.root.join(input))? {
            let content = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
            let name = file.strip_prefix(&project.root).unwrap_or(&file);
            hash.update(format!("{}\0{}\0", name.display(), content.len()));
            hash.update(content);
        }
    }
    Ok(format!("{:x}", hash.finalize()))
}

/// Whether the site that stands there was built from these inputs and is complete.
pub(super) fn matches(project: &Project, mode: Mode, fingerprint: &str) -> bool {
    mode.site(project).join(super::publish::MANIFEST).is_file()
        && fs::read_to_string(stamp(project, mode)).is_ok_and(|stored| stored == fingerprint)
}

/// Remembers what the site that stands there was built from.
pub(super) fn store(project: &Project, mode: Mode, fingerprint: &str) -> Result<()> {
    Ok(fs::write(stamp(project, mode), fingerprint)?)
}

fn stamp(project: &Project, mode: Mode) -> PathBuf {
    mode.scratch(project).join("fingerprint")
}

/// Holds [`INPUTS`] against what the compiler really read, from the dep-info file beside the library it wrote. An
/// `include_str!` of a file elsewhere would otherwise go unnoticed and leave an old site in place.
pub(super) fn check_inputs(project: &Project, dep_info: &Path) -> Result<()> {
    let rules =
        fs::read_to_string(dep_info).with_context(|| format!("reading {}", dep_info.display()))?;
    for file in dependencies(&rules) {
        let Ok(inside) = Path::new(&file).strip_prefix(&project.root) else {
            continue;
        };
        let watched = INPUTS.iter().any(|input| inside.starts_with(input))
            || Path::new(&file).starts_with(&project.target);
        ensure!(
            watched,
            "app is compiled from {}, too: add it to INPUTS in {}",
            inside.display(),
            file!()
        );
    }
    Ok(())
}

/// The right side of every rule in a Makefile as rustc writes it: spaces in names are escaped.
fn dependencies(rules: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (_, right) in rules.lines().filter_map(|line| line.split_once(": ")) {
        let kept = right.replace("\\ ", "\0");
        names.extend(
            kept.split(' ')
                .filter(|name| !name.is_empty())
                .map(|name| name.replace('\0', " ")),
        );
    }
    names
}

/// Every file below `path`, or `path` itself, sorted. What is not there has none.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let mut entries = path
        .read_dir()?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()
        .with_context(|| format!("listing {}", path.display()))?;
    entries.sort();
    let mut found = Vec::new();
    for entry in entries {
        let hidden = entry
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.') && name != ".npmrc");
        if !hidden && entry.file_name().is_some_and(|name| name != "node_modules") {
            found.extend(files(&entry)?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::dependencies;

    #[test]
    fn names_with_spaces_are_one_dependency() {
        let rules = "/t/libapp.rlib: /home/a\\ b/app/src/lib.rs /home/c/wire.rs\n";
        assert_eq!(
            dependencies(rules),
            ["/home/a b/app/src/lib.rs", "/home/c/wire.rs"]
        );
    }
}
