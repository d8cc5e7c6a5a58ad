//! Puts the built site into the program: every file of the folder that `ROUNDTRIP_SITE_DIR` names.
//!
//! `cargo xtask build` sets the variable. Without it (`cargo check`, tests) there is no site inside; the pages are
//! served without WebAssembly and say so.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const VARIABLE: &str = "ROUNDTRIP_SITE_DIR";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={VARIABLE}");
    let mut table = String::from("&[\n");
    if let Some(folder) = env::var_os(VARIABLE).map(PathBuf::from) {
        let folder = folder.canonicalize().map_err(|error| {
            io::Error::other(format!("{VARIABLE}={}: {error}", folder.display()))
        })?;
        // Written last, and anew with each new site.
        println!(
            "cargo:rerun-if-changed={}",
            folder.join("manifest.json").display()
        );
        add(&folder, &folder, &mut table)?;
    }
    table.push(']');
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("site.rs"), table)
}

/// One line `("name", include_bytes!("path")),` for each file below `folder`.
fn add(root: &Path, folder: &Path, table: &mut String) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            add(root, &path, table)?;
            continue;
        }
        let name = path.strip_prefix(root).map_err(io::Error::other)?;
        let name = name.to_string_lossy().replace('\\', "/");
        let path = path.to_string_lossy();
        writeln!(table, "    ({name:?}, include_bytes!({path:?})),").map_err(io::Error::other)?;
    }
    Ok(())
}
