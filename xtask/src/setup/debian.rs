//! The WASM toolchain from Debian's packages.
//!
//! Debian 12 has a recent compiler as `rustc-web` with the source of its standard library, but no wasm32 build of that
//! library and no `rust-lld`. The library is built once with cargo's build-std into the packages' own sysroot, and
//! lld is linked to where rustc looks for it. After that an ordinary `cargo build --target wasm32-unknown-unknown`
//! works, without an unstable flag.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::apt::{self, Package};
use super::wasm::{TARGET, has_core};
use crate::paths::Project;
use crate::sh;

/// What rustup calls it.
pub(super) const NAME: &str = "debian";

/// The package that decides whether this way is open.
pub(super) const COMPILER: &str = "rustc-web";

const PACKAGES: [Package; 5] = [
    (COMPILER, "a compiler with the WebAssembly back end"),
    ("cargo-web", "its cargo"),
    (
        "rust-web-src",
        "the standard library's source, to build it for WebAssembly",
    ),
    ("rust-web-clippy", "its linter"),
    ("lld-19", "the linker for WebAssembly"),
];

const SYSROOT: &str = "/usr";
const RUSTC: &str = "/usr/bin/rustc";

/// Whether an earlier [`install`] is complete, for the compiler as it is now.
pub(super) fn is_ready() -> bool {
    let built_for = fs::read_to_string(stamp()).unwrap_or_default();
    let linked = || {
        sh::output(Command::new("rustup").args(["run", NAME, "rustc", "--print", "sysroot"]))
            .is_ok_and(|sysroot| sysroot.trim() == SYSROOT)
    };
    !built_for.is_empty()
        && compiler_version().is_ok_and(|now| now == built_for)
        && has_core(Path::new(SYSROOT))
        && linked()
}

/// Installs the packages, builds the standard library, and makes the toolchain known to rustup where there is one.
///
/// Needs root. Takes two to three minutes on two cores.
pub(super) fn install(project: &Project) -> Result<()> {
    apt::ensure(&PACKAGES)?;
    link_lld()?;
    let version = compiler_version()?;
    if fs::read_to_string(stamp()).is_ok_and(|built_for| built_for == version)
        && has_core(Path::new(SYSROOT))
    {
        sh::say("      the standard library is there already");
    } else {
        let start = Instant::now();
        sh::say(&format!(
            "      building the standard library for {TARGET}, once"
        ));
        build_std(project)?;
        fs::write(stamp(), &version)?;
        sh::say(&format!("      built in {}", sh::duration(start.elapsed())));
    }
    if sh::answers("rustup", &["--version"]) {
        sh::output(Command::new("rustup").args(["toolchain", "link", NAME, SYSROOT]))?;
    }
    Ok(())
}

/// The rlibs of one compiler cannot be read by another: the stamp beside them says whose they are.
fn stamp() -> PathBuf {
    rlibs().with_file_name("built-for")
}

fn rlibs() -> PathBuf {
    Path::new(SYSROOT)
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib")
}

fn compiler_version() -> Result<String> {
    let mut rustc = Command::new(RUSTC);
    sh::output(sh::without_cargo_environment(&mut rustc).arg("-vV"))
}

fn link_lld() -> Result<()> {
    let folder = Path::new(SYSROOT).join("lib/rustlib/x86_64-unknown-linux-gnu/bin");
    let link = folder.join("rust-lld");
    if link.exists() {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    // A link that points nowhere is in the way and does not `exist`.
    if link.is_symlink() {
        fs::remove_file(&link)?;
    }
    symlink("/usr/bin/lld-19", &link).with_context(|| format!("linking {}", link.display()))
}

fn build_std(project: &Project) -> Result<()> {
    let folder = project.target.join("xtask/wasm-std");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(folder.join("src"))?;
    // Its own workspace, so that a Cargo.toml further up is not asked.
    let manifest = "[package]\nname = \"only_std\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[lib]\n[workspace]\n";
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/lib.rs"), "")?;

    let mut cargo = Command::new("/usr/bin/cargo");
    sh::without_cargo_environment(&mut cargo)
        .current_dir(&folder)
        .args([
            "build",
            "--quiet",
            "--release",
            "-Zbuild-std=std,panic_abort",
            "--target",
            TARGET,
        ])
        .env("RUSTC", RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        // Without it `lto = true` finds no bitcode in the library now and then.
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("CARGO_TARGET_DIR", folder.join("target"));
    sh::run(&mut cargo)?;

    let built = folder.join("target").join(TARGET).join("release/deps");
    let into = rlibs();
    if into.exists() {
        fs::remove_dir_all(&into)?;
    }
    fs::create_dir_all(&into)?;
    let mut copied = 0;
    for file in built.read_dir()? {
        let file = file?;
        let name = file.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".rlib") && !name.starts_with("libonly_std") {
            fs::copy(file.path(), into.join(&*name))?;
            copied += 1;
        }
    }
    if copied == 0 || !has_core(Path::new(SYSROOT)) {
        bail!("cargo built no standard library in {}", built.display());
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}
