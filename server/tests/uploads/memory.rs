//! However large an upload is, the program's memory hardly grows: what comes goes to the storage, never whole into memory.

use std::{fs, io::Write};

use super::process::{Answer, Program};

const MIB: u64 = 1024 * 1024;
const SMALL: u64 = MIB;
const LARGE: u64 = 256 * MIB;
/// By how much memory may grow at its peak, in bytes.
const GROWTH_MAX: u64 = 16 * MIB;

#[test]
fn memory_does_not_grow_with_the_upload() {
    let data = tempfile::tempdir().expect("a folder");
    let program = Program::start_in(data.path());
    for way in [raw, form, tus] {
        // What the first of its kind needs once does not count.
        way(&program, SMALL);
        let before = peak(&program);
        way(&program, LARGE);
        let grown = peak(&program).saturating_sub(before);
        eprintln!("{:.1} MiB more at its peak", grown as f64 / MIB as f64);
        assert!(grown <= GROWTH_MAX);
    }
}

fn raw(program: &Program, bytes: u64) {
    let stored = send(program, "POST /api/images", "", (b"", b""), bytes);
    assert_eq!(stored.status, 201);
}

fn form(program: &Program, bytes: u64) {
    let head = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    let fields = "Content-Type: multipart/form-data; boundary=x\r\n";
    let stored = send(
        program,
        "POST /api/images",
        fields,
        (head, b"\r\n--x--\r\n"),
        bytes,
    );
    assert_eq!(stored.status, 201);
}

fn tus(program: &Program, bytes: u64) {
    let created = program.ask("POST /files", &format!("Upload-Length: {bytes}\r\n"), b"");
    let line = format!("PATCH {}", created.field("location"));
    let fields = "Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n";
    let stored = send(program, &line, fields, (b"", b""), bytes);
    assert_eq!(stored.status, 204);
}

/// Sends a body of so many bytes, and what stands before and behind them.
fn send(
    program: &Program,
    line: &str,
    fields: &str,
    (before, behind): (&[u8], &[u8]),
    bytes: u64,
) -> Answer {
    let length = before.len() as u64 + bytes + behind.len() as u64;
    let mut socket = program.begin(line, fields, length).expect("connects");
    let chunk = vec![7; MIB as usize];
    socket.write_all(before).expect("sends");
    for _ in 0..bytes / MIB {
        socket.write_all(&chunk).expect("sends");
    }
    socket.write_all(behind).expect("sends");
    Answer::read(socket).expect("an answer")
}

/// The most memory that the process has had, in bytes (`VmHWM`, `proc(5)`).
fn peak(program: &Program) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", program.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kilobytes.expect("VmHWM").parse::<u64>().expect("a number") * 1024
}
