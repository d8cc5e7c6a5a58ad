//! Running other programs, and saying what is being done.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, IsTerminal, Write};
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

/// Runs with its output shown as it comes, each line also handed to `seen` without colours. Returns whether the exit
/// code was 0.
pub(crate) fn tee(command: &mut Command, mut seen: impl FnMut(&str)) -> Result<bool> {
    if std::io::stderr().is_terminal() {
        command
            .env("CARGO_TERM_COLOR", "always")
            .env("FORCE_COLOR", "1");
    }
    let (reader, writer) = std::io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let mut child = command
        .spawn()
        .with_context(|| format!("`{}` could not be started", shown(command)))?;
    // Else this process keeps the pipe open, and it never ends.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader);
    while reader.read_until(b'\n', &mut line)? > 0 {
        let _ = std::io::stderr().lock().write_all(&line);
        seen(without_colours(&String::from_utf8_lossy(&line)).trim_end());
        line.clear();
    }
    Ok(child.wait()?.success())
}

/// Takes out the terminal's escape sequences of the form `ESC [ … letter`.
fn without_colours(line: &str) -> String {
    let mut plain = String::new();
    let mut parts = line.split("\x1b[");
    plain.extend(parts.next());
    for part in parts {
        plain.push_str(
            part.split_once(|c: char| c.is_ascii_alphabetic())
                .map_or("", |(_, rest)| rest),
        );
    }
    plain
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tee_sees_both_streams_without_colours_and_the_exit_code() {
        let mut lines = Vec::new();
        let mut shell = Command::new("sh");
        shell.args([
            "-c",
            r"printf '\033[1;32m3 passed\033[0m\n'; echo 1 failed >&2; exit 1",
        ]);
        let success = tee(&mut shell, |line| lines.push(line.to_owned())).expect("sh runs");
        assert!(!success);
        assert_eq!(lines, ["3 passed", "1 failed"]);
    }

    #[test]
    fn commands_are_shown_as_they_would_be_typed() {
        let mut command = Command::new("echo");
        command.args(["--flag=a/b", "two words", "it's"]);
        assert_eq!(shown(&command), r"echo --flag=a/b 'two words' 'it'\''s'");
    }

    #[test]
    fn sizes_have_decimal_units() {
        assert_eq!(size(354), "354 B");
        assert_eq!(size(1_900), "1.9 kB");
        assert_eq!(size(425_300), "425 kB");
        assert_eq!(size(999_900), "1.0 MB");
    }
}
