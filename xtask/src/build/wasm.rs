//! The browser's half: compiled, bound to JavaScript, made small.
//!
//! A release has a module for each lab, with that lab and what all share, and one for the page of saved runs: a page loads
//! one of them. While developing, one module has all of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use walrus::Module;
use wasm_bindgen_cli_support::Bindgen;
use wire::Lab;

use super::publish::Site;
use super::{Mode, fingerprint, likeness};
use crate::paths::Project;
use crate::progress::Report;
use crate::setup::npm::Tools;
use crate::setup::wasm::{TARGET, Toolchain};
use crate::sh;

/// The most that a page's module may have in brotli, in bytes. `cargo xtask test build` holds it.
pub(crate) const BROTLI_MAX: u64 = 150_000;

/// The module of the page for saved runs: it has no lab.
const RUN: &str = "run";

/// The module with everything, for development.
const ALL: &str = "app";

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

/// What the module imports is found under these names, each with a hash: long, and hardly to be compressed.
const IMPORTS: &str = "^__wb(g|indgen)_.*_[0-9a-f]{16}$";

/// WASM 1.0 plus what every browser of the last years has and what rustc emits; for size, as brotli has it. Of functions
/// that are called once only the small ones are written out where they are called, and what is computed twice is not
/// kept: either would make the module smaller, and what comes of it in brotli larger, by 7 % together. Rust has its stack
/// where memory begins, so nothing lies in the first kilobyte.
const WASM_OPT: [&str; 4] = [
    "-Os",
    "--one-caller-inline-max-function-size=20",
    "--skip-pass=local-cse",
    "--low-memory-unused",
];

/// What a module may use, for every run of wasm-opt.
const FEATURES: [&str; 7] = [
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

/// What cargo built: the modules' names, and where they lie.
pub(super) struct Compiled {
    modules: Vec<(&'static str, PathBuf)>,
    scratch: PathBuf,
}

/// What the browser loads, before names are given: a folder for each module.
pub(super) struct Bound {
    folders: Vec<(&'static str, PathBuf)>,
}

impl Report for Compiled {
    fn report(&self) -> Option<String> {
        let sizes = self.modules.iter().map(|(name, wasm)| {
            let size = fs::metadata(wasm).ok()?.len();
            Some(format!("{name} {}", sh::size(size)))
        });
        Some(sizes.collect::<Option<Vec<_>>>()?.join(", "))
    }
}

impl Report for Bound {
    fn report(&self) -> Option<String> {
        None
    }
}

/// The names of a page's files are its module's: `request-response.js` and `request-response_bg.wasm`.
fn modules(mode: Mode) -> Vec<&'static str> {
    match mode {
        Mode::Release => Lab::ALL.map(Lab::slug).into_iter().chain([RUN]).collect(),
        Mode::Dev => vec![ALL],
    }
}

pub(super) fn compile(project: &Project, mode: Mode, toolchain: Toolchain) -> Result<Compiled> {
    let scratch = mode.scratch(project);
    fs::create_dir_all(&scratch)?;
    let mut modules = Vec::new();
    for name in self::modules(mode) {
        let wasm = scratch.join(format!("{name}.wasm"));
        let built = compile_one(project, mode, toolchain, name)?;
        fs::copy(&built, &wasm).with_context(|| format!("copying {}", built.display()))?;
        modules.push((name, wasm));
    }
    Ok(Compiled { modules, scratch })
}

fn compile_one(project: &Project, mode: Mode, toolchain: Toolchain, name: &str) -> Result<PathBuf> {
    let (profile, folder) = match mode {
        Mode::Release => ("wasm", "wasm"),
        Mode::Dev => ("dev", "debug"),
    };
    let mut cargo = toolchain.cargo();
    cargo
        .args(["rustc", "--locked", "--package", "app", "--lib"])
        .args(["--target", TARGET, "--profile", profile])
        .current_dir(&project.root)
        .env("CARGO_TARGET_DIR", &project.target);
    if mode == Mode::Release {
        cargo.env("CARGO_ENCODED_RUSTFLAGS", without_folders(project)?);
        cargo.arg("--no-default-features");
        if name != RUN {
            cargo.args(["--features", name]);
        }
        // What only another lab uses is not dead: Clippy looks at all of them together.
        cargo.args(["--", "-Adead_code", "-Aunused"]);
    }
    sh::run(&mut cargo)?;
    let built = project.target.join(TARGET).join(folder);
    fingerprint::check_inputs(project, &built.join("libapp.d"))?;
    Ok(built.join("app.wasm"))
}

/// What a panic names is a file of a crate: in which folders of whose machine it lay is nobody's business, and takes room.
fn without_folders(project: &Project) -> Result<String> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir()
            .context("neither CARGO_HOME nor HOME is set")?
            .join(".cargo"),
    };
    let mut folders = vec![project.root.clone()];
    // Below it, each registry has a folder with a hash in its name.
    let registries = fs::read_dir(home.join("registry/src"))
        .into_iter()
        .flatten();
    folders.extend(registries.flatten().map(|registry| registry.path()));
    folders.sort();
    let flags = folders
        .iter()
        .map(|folder| format!("--remap-path-prefix={}/=", folder.display()));
    let own = std::env::var("CARGO_ENCODED_RUSTFLAGS").or_else(|_| {
        // Cargo splits this one at spaces.
        let flags = std::env::var("RUSTFLAGS")?;
        Ok::<_, std::env::VarError>(flags.split_whitespace().collect::<Vec<_>>().join("\u{1f}"))
    });
    let own = own.into_iter().filter(|own| !own.is_empty());
    Ok(own.chain(flags).collect::<Vec<_>>().join("\u{1f}"))
}

/// Generates the JavaScript and makes both small, a module on each core.
pub(super) fn package(compiled: &Compiled, tools: &Tools, mode: Mode) -> Result<Bound> {
    let next = AtomicUsize::new(0);
    let folders = Mutex::new(Vec::new());
    let work = || -> Result<()> {
        while let Some((name, wasm)) = compiled.modules.get(next.fetch_add(1, Ordering::Relaxed)) {
            let folder = compiled.scratch.join("bindgen").join(name);
            package_one(wasm, &folder, tools, mode).with_context(|| format!("module {name}"))?;
            let mut folders = folders.lock().expect("no thread panics with the lock");
            folders.push((*name, folder));
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("packaging does not panic"))
    })?;
    let folders = folders.into_inner().expect("no thread panicked with it");
    Ok(Bound { folders })
}

/// Unless this very module was packaged before: a change of style alone should not cost a run of wasm-opt.
fn package_one(wasm: &Path, folder: &Path, tools: &Tools, mode: Mode) -> Result<()> {
    let stamp = folder.join("packaged-from");
    let mut hash = Sha256::new();
    hash.update(format!(
        "{mode:?} {WASM_OPT:?} {FEATURES:?} {ENTRY} {IMPORTS} {}\0",
        tools.program("").display()
    ));
    hash.update(fs::read(wasm)?);
    let source = format!("{:x}", hash.finalize());
    if fs::read_to_string(&stamp).is_ok_and(|packaged| packaged == source) {
        return Ok(());
    }
    bind(wasm, folder)?;
    bundle(tools, mode, folder)?;
    if mode == Mode::Release {
        shorten(folder)?;
        optimise(tools, folder)?;
    }
    Ok(fs::write(stamp, source)?)
}

fn bind(wasm: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Bindgen::new()
        .input_path(wasm)
        .out_name("app")
        .web(true)?
        .typescript(false)
        .keep_debug(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)
        .context("wasm-bindgen")
}

fn bundle(tools: &Tools, mode: Mode, folder: &Path) -> Result<()> {
    fs::write(folder.join("entry.js"), ENTRY)?;
    let mut esbuild = Command::new(tools.program("esbuild"));
    esbuild.current_dir(folder).args([
        "entry.js",
        "--bundle",
        "--format=esm",
        "--target=es2022",
        "--outfile=bundle.js",
        "--log-level=warning",
    ]);
    if mode == Mode::Release {
        esbuild.args(["--minify", "--mangle-cache=short-names.json"]);
        esbuild.arg(format!("--mangle-props={IMPORTS}"));
        fs::write(folder.join("short-names.json"), "{}")?;
    }
    sh::run(&mut esbuild)
}

/// Gives what the module imports the short names that esbuild gave them in the JavaScript.
fn shorten(folder: &Path) -> Result<()> {
    let names = fs::read_to_string(folder.join("short-names.json"))?;
    let names: BTreeMap<String, String> = serde_json::from_str(&names)?;
    let path = folder.join(MODULE);
    let mut module = Module::from_file(&path)?;
    for import in module.imports.iter_mut() {
        if let Some(short) = names.get(&import.name) {
            import.name.clone_from(short);
        }
    }
    module.emit_wasm_file(&path)
}

fn optimise(tools: &Tools, folder: &Path) -> Result<()> {
    let module = folder.join(MODULE);
    let small = folder.join("small.wasm");
    let wasm_opt = |how: &[&str], from: &Path, to: &Path| {
        let mut wasm_opt = Command::new(tools.program("wasm-opt"));
        wasm_opt.args(how).args(FEATURES);
        sh::run(wasm_opt.arg(from).arg("-o").arg(to))
    };
    wasm_opt(&WASM_OPT, &module, &small)?;
    fs::write(&small, likeness::named(&fs::read(&small)?)?)?;
    wasm_opt(&["--reorder-functions-by-name"], &small, &module)?;
    Ok(fs::remove_file(small)?)
}

/// Adds the modules under their hashed names, each with the script that loads it by that name.
pub(super) fn add_to(site: &mut Site, bound: &Bound) -> Result<()> {
    for (name, folder) in &bound.folders {
        let wasm = fs::read(folder.join(MODULE))?;
        let module = site.add(&module_name(name), wasm)?;
        let script = fs::read_to_string(folder.join("bundle.js"))?;
        let mentions = script.matches(MODULE).count();
        ensure!(
            mentions == 1,
            "the script should load {MODULE} in one place and does so in {mentions}"
        );
        let script = script.replace(MODULE, &module);
        site.add(&format!("{name}.js"), script.into_bytes())?;
    }
    Ok(())
}

fn module_name(name: &str) -> String {
    format!("{name}_bg.wasm")
}

/// The modules of a release, and what each has in brotli, in bytes.
///
/// # Errors
/// Where there is no such site.
pub(crate) fn sizes(project: &Project) -> Result<Vec<(&'static str, u64)>> {
    let site = Mode::Release.site(project);
    let manifest = fs::read_to_string(site.join(super::publish::MANIFEST))?;
    let manifest: BTreeMap<String, String> = serde_json::from_str(&manifest)?;
    let size = |name: &'static str| {
        let hashed = manifest
            .get(&module_name(name))
            .with_context(|| format!("the site has no module {name}"))?;
        Ok((name, fs::metadata(site.join(format!("{hashed}.br")))?.len()))
    };
    modules(Mode::Release).into_iter().map(size).collect()
}
