//! A disk that is really full: a small tmpfs that only the program sees.

use std::process::{Command, Stdio};

use super::process::{Answer, Program};

const MIB: usize = 1024 * 1024;

/// `unshare` with a mount namespace of its own, where that is allowed.
fn unshared() -> Option<Command> {
    for flags in [&["-m"][..], &["-r", "-m"]] {
        let mut command = Command::new("unshare");
        command.args(flags);
        let tried = Command::new("unshare")
            .args(flags)
            .args(["mount", "-t", "tmpfs", "none", "/mnt"])
            .stderr(Stdio::null())
            .status();
        if tried.is_ok_and(|status| status.success()) {
            return Some(command);
        }
    }
    None
}

#[test]
fn a_full_disk_is_said_and_what_was_there_stays() {
    let Some(mut command) = unshared() else {
        eprintln!("no mount namespace here: a storage that fails stands for it in tus.rs");
        return;
    };
    let data = tempfile::tempdir().expect("a folder");
    let mount = "mount -t tmpfs -o size=4m none \"$2\" && exec \"$1\" --listen 127.0.0.1:0 --data-dir \"$2\"";
    command.args(["sh", "-c", mount, "sh"]);
    command.arg(Program::path()).arg(data.path());
    let program = Program::start(&mut command);

    let first = program.ask("POST /api/images", "", &vec![1; 2 * MIB]);
    assert_eq!(first.status, 201);
    let first = first.field("location");
    let begun = program.ask("POST /files", "Upload-Length: 3145728\r\n", b"");
    let begun = begun.field("location");

    let refused = program.ask("POST /api/images", "", &vec![2; 3 * MIB]);
    is_full(&refused);
    let refused = patch(&program, &begun, 0, &vec![3; 3 * MIB]);
    is_full(&refused);
    let image = program.get(&first);
    assert!(
        image.body_text().contains("\"bytes\":2097152"),
        "{}",
        image.body_text()
    );
    assert_eq!(
        program.get(&format!("{first}/original")).body,
        vec![1; 2 * MIB]
    );

    // What there was room for is kept, and with room again it goes on.
    let offset = offset(&program, &begun);
    assert!(offset < 3 * MIB);
    let id = first.rsplit('/').next().expect("an id");
    let removed = program.ask(&format!("DELETE /files/{id}"), "", b"");
    assert_eq!(removed.status, 204);
    let rest = patch(&program, &begun, offset, &vec![3; 3 * MIB - offset]);
    assert_eq!(rest.status, 204);
    let image = begun.replace("/files/", "/api/images/");
    assert_eq!(
        program.get(&format!("{image}/original")).body,
        vec![3; 3 * MIB]
    );
}

fn is_full(answer: &Answer) {
    assert_eq!(answer.status, 507, "{}", answer.body_text());
    assert_eq!(answer.field("content-type"), "application/problem+json");
    assert!(answer.body_text().contains("/problems/storage"));
}

fn patch(program: &Program, path: &str, offset: usize, bytes: &[u8]) -> Answer {
    let fields =
        format!("Upload-Offset: {offset}\r\nContent-Type: application/offset+octet-stream\r\n");
    program.ask(&format!("PATCH {path}"), &fields, bytes)
}

fn offset(program: &Program, path: &str) -> usize {
    let head = program.ask(&format!("HEAD {path}"), "", b"");
    assert_eq!(head.status, 200);
    head.field("upload-offset").parse().expect("a number")
}
