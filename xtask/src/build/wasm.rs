//! The browser's half: compiled, bound to JavaScript, made small.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

use super::publish::Site;
use super::{Mode, fingerprint};
use crate::paths::Project;
use crate::progress::Report;
use crate::setup::npm::Tools;
use crate::setup::wasm::{TARGET, Toolchain};
use crate::sh;

/// The name that wasm-bindgen gives the module, by which its JavaScript loads it.
const MODULE: &str = "app_bg.wasm";

/// A page needs one `<script type="module">`: this loads the WASM and says where it could not.
const ENTRY: &str = r#"import init from "./app.js";
init({ module_or_path: new URL("app_bg.wasm", import.meta.url) }).catch((error) => {
  document.documentElement.dataset.wasm = "failed";
  document.dispatchEvent(new CustomEvent("roundtrip:wasm-failed", { detail: String(error) }));
  console.error(error);
});
"#;

/// WASM 1.0 plus what every browser of the last years has and what rustc emits.
const WASM_OPT: [&str; 8] = [
    "-Oz",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-multivalue",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--strip-producers",
];

pub(super) fn title(mode: Mode) -> &'static str {
    match mode {
        Mode::Release => {
            "Compiling the browser's half to WebAssembly (profile wasm: for size, link-time optimised)"
        }
        Mode::Dev => "Compiling the browser's half to WebAssembly (profile dev)",
    }
}

pub(super) fn optimise_title(mode: Mode) -> &'static str {
    match mode {
        Mode::Release => "Making it small (wasm-opt, esbuild)",
        Mode::Dev => "Bundling its JavaScript (esbuild)",
    }
}

/// What cargo built.
pub(super) struct Compiled {
    wasm: PathBuf,
    scratch: PathBuf,
}

/// What the browser loads, before names are given.
pub(super) struct Bound {
    folder: PathBuf,
}

impl Report for Compiled {
    fn report(&self) -> Option<String> {
        fs::metadata(&self.wasm)
            .ok()
            .map(|file| sh::size(file.len()))
    }
}

impl Report for Bound {
    fn report(&self) -> Option<String> {
        let size =
            |name: &str| fs::metadata(self.folder.join(name)).map(|file| sh::size(file.len()));
        let script = size("bundle.js").or_else(|_| size("app.js")).ok()?;
        Some(format!("WASM {}, JavaScript {script}", size(MODULE).ok()?))
    }
}

pub(super) fn compile(project: &Project, mode: Mode, toolchain: Toolchain) -> Result<Compiled> {
    let (profile, folder) = match mode {
        Mode::Release => ("wasm", "wasm"),
        Mode::Dev => ("dev", "debug"),
    };
    let mut cargo = toolchain.cargo();
    cargo
        .args([
            "build",
            "--locked",
            "--package",
            "app",
            "--lib",
            "--target",
            TARGET,
            "--profile",
            profile,
        ])
        .current_dir(&project.root)
        .env("CARGO_TARGET_DIR", &project.target);
    sh::run(&mut cargo)?;
    let built = project.target.join(TARGET).join(folder);
    fingerprint::check_inputs(project, &built.join("libapp.d"))?;
    Ok(Compiled {
        wasm: built.join("app.wasm"),
        scratch: mode.scratch(project),
    })
}

pub(super) fn bind(compiled: &Compiled) -> Result<Bound> {
    let folder = compiled.scratch.join("bindgen");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    Bindgen::new()
        .input_path(&compiled.wasm)
        .out_name("app")
        .web(true)?
        .typescript(false)
        .keep_debug(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&folder)
        .context("wasm-bindgen")?;
    fs::write(folder.join("entry.js"), ENTRY)?;
    Ok(Bound { folder })
}

pub(super) fn optimise(tools: &Tools, mode: Mode, bound: Bound) -> Result<Bound> {
    let mut esbuild = Command::new(tools.program("esbuild"));
    esbuild
        .args([
            "entry.js",
            "--bundle",
            "--format=esm",
            "--target=es2022",
            "--outfile=bundle.js",
            "--log-level=warning",
        ])
        .current_dir(&bound.folder);
    if mode == Mode::Release {
        esbuild.arg("--minify");
        let module = bound.folder.join(MODULE);
        let small = bound.folder.join("small.wasm");
        sh::run(
            Command::new(tools.program("wasm-opt"))
                .args(WASM_OPT)
                .arg(&module)
                .arg("-o")
                .arg(&small),
        )?;
        fs::rename(small, module)?;
    }
    sh::run(&mut esbuild)?;
    Ok(bound)
}

/// Adds the module under its hashed name, and the script that loads it by that name.
pub(super) fn add_to(site: &mut Site, bound: &Bound) -> Result<()> {
    let module = site.add(MODULE, fs::read(bound.folder.join(MODULE))?)?;
    let script = fs::read_to_string(bound.folder.join("bundle.js"))?;
    let mentions = script.matches(MODULE).count();
    ensure!(
        mentions == 1,
        "the script should load {MODULE} in one place and does so in {mentions}"
    );
    site.add("app.js", script.replace(MODULE, &module).into_bytes())?;
    Ok(())
}
