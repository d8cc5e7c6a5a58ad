//! Running other programs, and saying what is being done.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// One line to the person at the terminal.
pub(crate) fn say(line: &str) {
    // A closed pipe (`cargo xtask build | head`) is no reason to panic.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// The command as it would be typed.
pub(crate) fn shown(command: &Command) -> String {
    let word = |word: &OsStr| {
        let word = word.to_string_lossy();
        if !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_./:=+,@%".contains(c))
        {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(word)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs with the terminal attached; an exit code other than 0 is an error that names the command.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("`{}` could not be started", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Runs, returns what it printed; its complaints are in the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("`{}` could not be started", shown(command)))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{}` failed ({})\n{}",
            shown(command),
            output.status,
            complaint.trim()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed something other than UTF-8", shown(command)))
}

/// Whether a program is there and answers to these arguments with 0.
pub(crate) fn answers(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// `cargo run` sets up its child for the toolchain it runs with. A command that is to use another must not see it.
pub(crate) fn without_cargo_environment(command: &mut Command) -> &mut Command {
    let set_by_cargo = |name: &str| {
        matches!(
            name,
            "CARGO"
                | "RUSTC"
                | "RUSTDOC"
                | "RUSTUP_TOOLCHAIN"
                | "LD_LIBRARY_PATH"
                | "RUST_RECURSION_COUNT"
        ) || name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
    };
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(set_by_cargo) {
            command.env_remove(name);
        }
    }
    command
}

/// "0.4 s", "2 min 46 s".
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = duration.as_secs();
    format!("{} min {} s", whole / 60, whole % 60)
}

/// "425 kB": decimal units, three significant digits.
pub(crate) fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB"] {
        if value < 999.5 {
            let digits = if unit == "B" || value >= 99.95 { 0 } else { 1 };
            return format!("{value:.digits$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} GB")
}
