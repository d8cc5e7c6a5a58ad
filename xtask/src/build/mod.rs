//! `cargo xtask build`: the site (WASM, style, public files), then the server with the site inside.

mod css;
mod fingerprint;
mod likeness;
mod publish;
pub(crate) mod wasm;

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::paths::Project;
use crate::progress::{Progress, Report};
use crate::setup::{npm, wasm::Toolchain};
use crate::{setup, sh};

/// The server's program.
const PROGRAM: &str = "roundtrip";

/// For whom the site is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Small: link-time optimised, wasm-opt, minified, compressed beforehand.
    Release,
    /// Soon: cargo's dev profile, nothing minified, nothing compressed.
    Dev,
}

impl Mode {
    /// Where the finished site lies. The server's build embeds it from here.
    pub(crate) fn site(self, project: &Project) -> PathBuf {
        project.target.join(match self {
            Self::Release => "site",
            Self::Dev => "site-dev",
        })
    }

    /// Where intermediate results lie.
    fn scratch(self, project: &Project) -> PathBuf {
        project.target.join("xtask").join(match self {
            Self::Release => "release",
            Self::Dev => "dev",
        })
    }
}

/// The whole build. Returns the program's path.
pub(crate) fn release(project: &Project) -> Result<PathBuf> {
    let mut progress = Progress::of(7);
    let toolchain = progress.step("Looking for a compiler for WebAssembly", || {
        setup::wasm::ensure(project)
    })?;
    site(project, Mode::Release, toolchain, &mut progress)?;
    let program = progress.step(
        "Compiling the server, the site inside (profile release)",
        || server(project),
    )?;
    sh::say(&format!(
        "Built {} in {}.",
        program.0.display(),
        progress.elapsed()
    ));
    Ok(program.0)
}

/// Builds the site, unless nothing it is made of has changed. Five steps.
pub(crate) fn site(
    project: &Project,
    mode: Mode,
    toolchain: Toolchain,
    progress: &mut Progress,
) -> Result<()> {
    let fingerprint = fingerprint::of(project, mode, toolchain)?;
    if fingerprint::matches(project, mode, &fingerprint) {
        progress.skip(
            5,
            "The site is up to date: nothing it is made of has changed",
        );
        return Ok(());
    }
    let tools = progress.step("Looking for wasm-opt and esbuild", || npm::tools(project))?;
    let compiled = progress.step(wasm::title(mode), || {
        wasm::compile(project, mode, toolchain)
    })?;
    let packaged = progress.step(wasm::package_title(mode), || {
        wasm::package(&compiled, &tools, mode)
    })?;
    let mut site = progress.step(
        "Naming the files of public/ and bundling style/main.css",
        || {
            let mut site = publish::Site::default();
            site.add_folder(&project.root.join("public"))?;
            css::bundle(project, mode, &mut site)?;
            Ok(site)
        },
    )?;
    progress.step("Compressing and writing the site", || {
        wasm::add_to(&mut site, &packaged)?;
        site.write(&mode.site(project), mode)
    })?;
    fingerprint::store(project, mode, &fingerprint)
}

impl Report for Toolchain {
    fn report(&self) -> Option<String> {
        Some(self.describe().to_owned())
    }
}

impl Report for publish::Site {
    fn report(&self) -> Option<String> {
        None
    }
}

/// The server for `cargo xtask dev`: it reads the site from its folder, so that the two are built apart.
pub(crate) fn dev_server(project: &Project) -> Result<Program> {
    let mut cargo = std::process::Command::new("cargo");
    cargo
        .args(["build", "--package", "server", "--bin", PROGRAM])
        .current_dir(&project.root)
        .env("CARGO_TARGET_DIR", &project.target);
    sh::run(&mut cargo)?;
    Ok(Program(program(project, "debug")))
}

fn program(project: &Project, profile: &str) -> PathBuf {
    project
        .target
        .join(profile)
        .join(format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX))
}

/// A finished program, which reports its size.
pub(crate) struct Program(pub(crate) PathBuf);

impl Report for Program {
    fn report(&self) -> Option<String> {
        std::fs::metadata(&self.0)
            .ok()
            .map(|file| sh::size(file.len()))
    }
}

fn server(project: &Project) -> Result<Program> {
    let mut cargo = std::process::Command::new("cargo");
    cargo
        .args([
            "build",
            "--release",
            "--locked",
            "--package",
            "server",
            "--bin",
            "roundtrip",
        ])
        .current_dir(&project.root)
        .env("CARGO_TARGET_DIR", &project.target)
        .env("ROUNDTRIP_SITE_DIR", Mode::Release.site(project));
    sh::run(&mut cargo).context("the server did not build")?;
    Ok(Program(program(project, "release")))
}
