//! npm packages that the build calls, installed once for each lock file into the user's cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::apt;
use crate::paths::Project;
use crate::progress::Report;
use crate::sh;

/// An installed `node_modules` folder.
pub(crate) struct Tools {
    bin: PathBuf,
}

impl Tools {
    /// The path of one of the packages' programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        let suffix = if cfg!(windows) { ".cmd" } else { "" };
        self.bin.join(format!("{name}{suffix}"))
    }
}

impl Report for Tools {
    fn report(&self) -> Option<String> {
        None
    }
}

/// wasm-opt and esbuild, as `xtask/npm/package-lock.json` pins them.
pub(crate) fn tools(project: &Project) -> Result<Tools> {
    let source = project.root.join("xtask/npm");
    ensure_node()?;
    let folder = project.cache.join("npm-tools").join(key(&source)?);
    install(
        &source,
        &folder,
        "wasm-opt and esbuild, which make the WASM and its JavaScript small",
    )?;
    Ok(Tools {
        bin: folder.join("node_modules/.bin"),
    })
}

/// Lighthouse, as `xtask/lighthouse/package-lock.json` pins it.
pub(crate) fn lighthouse(project: &Project) -> Result<Tools> {
    let source = project.root.join("xtask/lighthouse");
    ensure_node()?;
    let folder = project.cache.join("npm-tools").join(key(&source)?);
    install(&source, &folder, "Lighthouse, which judges the pages")?;
    Ok(Tools {
        bin: folder.join("node_modules/.bin"),
    })
}

/// Playwright and the npm clients, in `end2end/node_modules`, where the tests' imports look for them.
pub(crate) fn end2end(project: &Project) -> Result<Tools> {
    ensure_node()?;
    let folder = project.root.join("end2end");
    let modules = folder.join("node_modules");
    let stamp = modules.join(".installed-for");
    let key = key(&folder)?;
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == key) {
        sh::say("      installing Playwright and the npm clients: npm ci in end2end/");
        sh::output(&mut ci(&folder))?;
        fs::write(stamp, key)?;
    }
    Ok(Tools {
        bin: modules.join(".bin"),
    })
}

/// Node and npm, from Debian's packages where they are missing and that is allowed.
fn ensure_node() -> Result<()> {
    let there = || sh::answers("node", &["--version"]) && sh::answers("npm", &["--version"]);
    if there() {
        return Ok(());
    }
    if !apt::exists() {
        bail!(
            "Node.js is missing; wasm-opt and the browser tests need it. Install version 20 or later: https://nodejs.org"
        );
    }
    apt::ensure(&[
        ("nodejs", "runs wasm-opt and the browser tests"),
        ("npm", "installs them"),
    ])?;
    if there() {
        return Ok(());
    }
    bail!("Node.js was installed and does not answer to `node --version`")
}

/// `npm ci` of `source`'s lock file in `folder`, unless that was done.
fn install(source: &Path, folder: &Path, what: &str) -> Result<()> {
    let done = folder.join("installed");
    if done.is_file() {
        return Ok(());
    }
    sh::say(&format!("      installing {what}: npm ci"));
    fs::create_dir_all(folder)?;
    for file in ["package.json", "package-lock.json", ".npmrc"] {
        fs::copy(source.join(file), folder.join(file))
            .with_context(|| format!("copying {file}"))?;
    }
    sh::output(&mut ci(folder))?;
    fs::write(done, "")?;
    Ok(())
}

/// The command that installs exactly the lock file, runs no package's scripts and downloads no browser.
fn ci(folder: &Path) -> Command {
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--prefer-offline",
    ])
    .current_dir(folder)
    .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
    .env("PUPPETEER_SKIP_DOWNLOAD", "1");
    npm
}

/// Names an installation: another lock file or another Node is another one.
fn key(source: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(sh::output(Command::new("node").arg("--version"))?);
    for file in ["package.json", "package-lock.json"] {
        let path = source.join(file);
        hash.update(fs::read(&path).with_context(|| format!("reading {}", path.display()))?);
    }
    Ok(format!("{:x}", hash.finalize())[..16].to_owned())
}
