//! The browser's half: compiled, bound to JavaScript, made small.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
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

pub(super) fn package_title(mode: Mode) -> &'static str {
    match mode {
        Mode::Release => {
            "Generating its JavaScript (wasm-bindgen), making both small (wasm-opt, esbuild)"
        }
        Mode::Dev => "Generating its JavaScript (wasm-bindgen, esbuild)",
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
        Some(format!(
            "WASM {}, JavaScript {}",
            size(MODULE).ok()?,
            size("bundle.js").ok()?
        ))
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

/// Generates the JavaScript and makes both small, unless this very module was packaged before: a change of style alone
/// should not cost a run of wasm-opt.
pub(super) fn package(compiled: &Compiled, tools: &Tools, mode: Mode) -> Result<Bound> {
    let folder = compiled.scratch.join("bindgen");
    let stamp = folder.join("packaged-from");
    let mut hash = Sha256::new();
    hash.update(format!(
        "{mode:?} {WASM_OPT:?} {ENTRY} {}\0",
        tools.program("").display()
    ));
    hash.update(fs::read(&compiled.wasm)?);
    let source = format!("{:x}", hash.finalize());
    let bound = Bound { folder };
    if fs::read_to_string(&stamp).is_ok_and(|packaged| packaged == source) {
        return Ok(bound);
    }
    bind(compiled, &bound)?;
    if mode == Mode::Release {
        optimise(tools, &bound)?;
    }
    bundle(tools, mode, &bound)?;
    fs::write(stamp, source)?;
    Ok(bound)
}

fn bind(compiled: &Compiled, bound: &Bound) -> Result<()> {
    if bound.folder.exists() {
        fs::remove_dir_all(&bound.folder)?;
    }
    Bindgen::new()
        .input_path(&compiled.wasm)
        .out_name("app")
        .web(true)?
        .typescript(false)
        .keep_debug(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&bound.folder)
        .context("wasm-bindgen")
}

fn optimise(tools: &Tools, bound: &Bound) -> Result<()> {
    let module = bound.folder.join(MODULE);
    let small = bound.folder.join("small.wasm");
    let mut wasm_opt = Command::new(tools.program("wasm-opt"));
    sh::run(wasm_opt.args(WASM_OPT).arg(&module).arg("-o").arg(&small))?;
    Ok(fs::rename(small, module)?)
}

fn bundle(tools: &Tools, mode: Mode, bound: &Bound) -> Result<()> {
    fs::write(bound.folder.join("entry.js"), ENTRY)?;
    let mut esbuild = Command::new(tools.program("esbuild"));
    esbuild.current_dir(&bound.folder).args([
        "entry.js",
        "--bundle",
        "--format=esm",
        "--target=es2022",
    ]);
    esbuild.args(["--outfile=bundle.js", "--log-level=warning"]);
    if mode == Mode::Release {
        esbuild.arg("--minify");
    }
    sh::run(&mut esbuild)
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
