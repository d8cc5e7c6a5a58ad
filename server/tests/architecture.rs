//! The invariants that ARCHITECTURE.md states, held against the manifests and the sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

use wire::Lab;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every dependency of a package, whatever table it stands in, but not those of its tests.
fn dependencies(package: &str) -> Vec<String> {
    fn collect(table: &toml::Table, names: &mut Vec<String>) {
        for (key, value) in table {
            let Some(value) = value.as_table() else {
                continue;
            };
            match key.as_str() {
                "dependencies" | "build-dependencies" => names.extend(value.keys().cloned()),
                "dev-dependencies" | "features" | "package" | "lints" => {}
                _ => collect(value, names),
            }
        }
    }
    let manifest = root().join(package).join("Cargo.toml");
    let text = fs::read_to_string(manifest).expect("a manifest");
    let mut names = Vec::new();
    collect(&text.parse().expect("TOML"), &mut names);
    assert!(!names.is_empty(), "{package}");
    names
}

/// The Rust sources below a folder (or the one file), without comments.
fn sources(path: &str) -> Vec<(String, String)> {
    fn collect(path: &Path, files: &mut Vec<PathBuf>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).expect("a readable folder") {
                collect(&entry.expect("an entry").path(), files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path.to_owned());
        }
    }
    let mut files = Vec::new();
    collect(&root().join(path), &mut files);
    assert!(!files.is_empty(), "{path} has no sources");
    files
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(&file).expect("text");
            let code: Vec<&str> = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            (file.display().to_string(), code.join("\n"))
        })
        .collect()
}

/// Does the code use this crate or module: a word of its own, followed by `::`, or by what ends a `use`?
fn uses(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let word = |character: char| character.is_alphanumeric() || character == '_';
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        let begins = before
            .is_none_or(|before| !word(before) && before != ':' && before != '"' && before != '.');
        let in_use = code[..at]
            .rsplit(['\n', ';'])
            .next()
            .is_some_and(|line| line.trim_start().starts_with("use "));
        begins && (after.starts_with("::") || in_use && after.starts_with([';', ' ', ',', '}']))
    })
}

fn assert_unused(path: &str, names: &[&str]) {
    for (file, code) in sources(path) {
        for name in names {
            assert!(!uses(&code, name), "{file} uses {name}");
        }
    }
}

#[test]
fn the_search_finds_what_it_is_for() {
    assert!(uses("use axum::Router;", "axum"));
    assert!(uses("let a = axum::body::Body::empty();", "axum"));
    assert!(uses("use http;", "http"));
    assert!(!uses("use wire::http1::Head;", "http"));
    assert!(!uses("let url = \"http://x\"; my_http::go();", "http"));
}

#[test]
fn wire_has_no_io_and_no_clock() {
    let forbidden = [
        "tokio",
        "axum",
        "hyper",
        "http",
        "reactive_graph",
        "web-sys",
        "server",
        "app",
    ];
    for name in dependencies("wire") {
        assert!(
            !forbidden.contains(&name.as_str()),
            "wire depends on {name}"
        );
    }
    assert_unused("wire/src", &["std::fs", "std::net", "std::io", "std::time"]);
    for (file, code) in sources("wire/src") {
        assert!(!code.contains("async fn"), "{file}");
    }
}

#[test]
fn server_and_app_never_meet() {
    for name in dependencies("server") {
        assert!(
            name != "app" && name != "reactive_graph",
            "server depends on {name}"
        );
    }
    for name in dependencies("app") {
        let servers = ["server", "tokio", "axum", "hyper"];
        assert!(!servers.contains(&name.as_str()), "app depends on {name}");
    }
}

#[test]
fn the_browser_half_reads_no_native_clock() {
    for (file, code) in sources("app/src") {
        assert!(
            !code.contains("std::time::Instant") && !code.contains("SystemTime"),
            "{file}"
        );
    }
}

/// `labs/long_polling.rs` of `Lab::LongPolling`.
fn module(lab: Lab) -> String {
    lab.slug().replace('-', "_")
}

/// Does the code name a module of this name, other than the one in `wire`? `trace::` is none of `race`.
fn names_module(code: &str, name: &str) -> bool {
    code.match_indices(&format!("{name}::")).any(|(at, _)| {
        let before = &code[..at];
        let in_word = |c: char| c.is_alphanumeric() || c == '_';
        !before.ends_with(in_word) && !before.ends_with("wire::")
    })
}

/// The code without what it uses of `wire`, which has a module of the same name as a lab.
fn without_wire(code: &str) -> String {
    let mut parts = code.split("use wire::");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        rest.push_str(part.split_once(';').map_or("", |(_, behind)| behind));
    }
    rest.replace("wire::limits::", "")
}

#[test]
fn no_lab_imports_another_lab() {
    for half in ["server", "app"] {
        for lab in Lab::ALL {
            let base = format!("{half}/src/labs/{}", module(lab));
            let others = Lab::ALL.into_iter().filter(|other| *other != lab);
            let others: Vec<String> = others.map(module).collect();
            for path in [format!("{base}.rs"), base.clone()] {
                if !root().join(&path).exists() {
                    continue;
                }
                for (file, code) in sources(&path) {
                    let code = without_wire(&code);
                    for other in &others {
                        assert!(!names_module(&code, other), "{file} uses {other}");
                        assert!(
                            !code.contains(&format!("labs::{other}")),
                            "{file} uses {other}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn no_lab_knows_the_tap() {
    for (file, code) in sources("server/src/labs") {
        for (at, _) in code.match_indices("connection::") {
            let what = &code[at + "connection::".len()..];
            assert!(
                what.starts_with("Exchange") || what.starts_with("streams::"),
                "{file} uses more of connection than Exchange and streams"
            );
        }
        assert!(!code.contains("tap::"), "{file} knows the tap");
    }
}

#[test]
fn the_trace_knows_no_lab_and_its_core_no_http() {
    for (file, code) in sources("server/src/trace") {
        assert!(!code.contains("labs::"), "{file} knows the labs");
        assert!(
            !code.contains("connection::"),
            "{file} knows the connection"
        );
    }
    for part in ["browser", "clock", "draft", "recorder", "run", "store"] {
        assert_unused(
            &format!("server/src/trace/{part}.rs"),
            &["axum", "http", "hyper", "tower"],
        );
    }
}

#[test]
fn topics_uploads_and_jobs_know_no_http() {
    for part in ["topics", "uploads", "jobs"] {
        assert_unused(
            &format!("server/src/{part}"),
            &["axum", "http", "http_body", "hyper", "tower"],
        );
        for (file, code) in sources(&format!("server/src/{part}")) {
            assert!(!code.contains("labs::"), "{file} knows the labs");
        }
    }
}
