//! What each step runs.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, anyhow, ensure};

use super::{Context, Step};
use crate::setup::wasm::TARGET;
use crate::setup::{self, apt, browser, nextest, npm, python};
use crate::{
    build::{self, wasm},
    sh,
};

impl Step {
    pub(super) fn run(self, context: &mut Context<'_>) -> Result<()> {
        match self {
            Self::Fmt => context.check(&mut cargo(&["fmt", "--all", "--check"])),
            Self::Clippy => context.check(&mut cargo(&[
                "clippy",
                "--locked",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ])),
            Self::ClippyWasm => clippy_wasm(context),
            Self::Docs => {
                let mut docs = cargo(&[
                    "doc",
                    "--locked",
                    "--workspace",
                    "--no-deps",
                    "--document-private-items",
                ]);
                // Private items are documented, too, so a link to one leads somewhere.
                let flags = "-D warnings -A rustdoc::private_intra_doc_links";
                context.check(docs.env("RUSTDOCFLAGS", flags))
            }
            Self::Nextest => native(context),
            Self::Doctests => context.check(&mut cargo(&[
                "test", "--locked", "--doc", "-p", "wire", "-p", "server", "-p", "app",
            ])),
            Self::Wasm => wasm_tests(context),
            Self::Build => {
                context.program()?;
                check_sizes(context)
            }
            Self::Browser => playwright(context),
            Self::Clients => clients(context),
        }
    }
}

fn cargo(args: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(args);
    cargo
}

fn clippy_wasm(context: &mut Context<'_>) -> Result<()> {
    let toolchain = setup::wasm::ensure(context.project)?;
    let mut clippy = toolchain.cargo();
    clippy.args([
        "clippy",
        "--locked",
        "--package",
        "app",
        "--target",
        TARGET,
        "--lib",
        "--test",
        "*",
    ]);
    context.check(clippy.args(["--", "-D", "warnings"]))
}

fn native(context: &mut Context<'_>) -> Result<()> {
    match nextest::command(context.project)? {
        Some(mut nextest) => {
            context.check(nextest.args(["run", "--locked", "--workspace", "--no-fail-fast"]))
        }
        None => context.check(&mut cargo(&[
            "test",
            "--locked",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
        ])),
    }
}

fn wasm_tests(context: &mut Context<'_>) -> Result<()> {
    let toolchain = setup::wasm::ensure(context.project)?;
    browser::chromium()?;
    let driver = browser::chromedriver()?;
    context.check(&mut cargo(&[
        "build",
        "--locked",
        "--package",
        "wasm-test-runner",
    ]))?;
    let runner = context
        .project
        .target
        .join("debug")
        .join(format!("wasm-test-runner{}", std::env::consts::EXE_SUFFIX));
    let mut tests = toolchain.cargo();
    tests
        .args([
            "test",
            "--locked",
            "--package",
            "app",
            "--target",
            TARGET,
            "--test",
            "*",
            "--no-fail-fast",
        ])
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner)
        .env("CHROMEDRIVER", driver)
        .env("WASM_BINDGEN_TEST_ONLY_WEB", "1");
    context.check(&mut tests)
}

/// What a page has to load is bounded: a size is the same on every machine, unlike a time.
fn check_sizes(context: &mut Context<'_>) -> Result<()> {
    for (name, bytes) in wasm::sizes(context.project)? {
        ensure!(
            bytes <= wasm::BROTLI_MAX,
            "the WebAssembly of {name} has {bytes} bytes in brotli, {} is the most: see \"Small before fast\" in ARCHITECTURE.md",
            wasm::BROTLI_MAX
        );
    }
    Ok(())
}

fn playwright(context: &mut Context<'_>) -> Result<()> {
    let program = context.program()?;
    let chromium = browser::chromium()?;
    let tools = npm::end2end(context.project)?;
    let mut playwright = Command::new(tools.program("playwright"));
    playwright
        .args(["test", "--config"])
        .arg(context.project.root.join("end2end/playwright.config.ts"))
        .env("ROUNDTRIP_BIN", program)
        .env(browser::VARIABLE, chromium);
    context.check(&mut playwright)
}

fn clients(context: &mut Context<'_>) -> Result<()> {
    let program = context.program()?;
    npm::end2end(context.project)?;
    let python = python::environment(context.project)?;
    apt::ensure(&[("slowhttptest", "is many slow clients at once")])?;
    let mut pytest = Command::new(python);
    pytest
        // The checkout stays as it is.
        .args([
            "-B",
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "end2end/clients",
        ])
        .env("ROUNDTRIP_BIN", program);
    context.check(&mut pytest)
}

impl Context<'_> {
    /// The release build's program. It is built once, and fails once.
    fn program(&mut self) -> Result<PathBuf> {
        if self.program.is_none() {
            sh::say("$ cargo xtask build");
            match build::release(self.project) {
                Ok(program) => self.program = Some(Ok(program)),
                Err(error) => {
                    self.program = Some(Err(()));
                    return Err(error);
                }
            }
        }
        match &self.program {
            Some(Ok(program)) => Ok(program.clone()),
            _ => Err(anyhow!("the release build failed, see above")),
        }
    }
}
