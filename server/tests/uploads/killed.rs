//! The program is killed at random bytes of real uploads, in one request and by tus: what it had acknowledged is there
//! afterwards, every digest is right, and when their time is over nothing is left.
//!
//! `ROUNDTRIP_KILLS` says how often, `ROUNDTRIP_SOAK_SEED` how the dice fall, `ROUNDTRIP_BIN` which program it is
//! (`cargo xtask soak uploads` sets all three).

use std::{
    collections::BTreeSet,
    env, fs,
    io::{self, Write},
    ops::Range,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, SystemTime},
};

use super::process::{Answer, Program};
use base64::{Engine, engine::general_purpose::STANDARD};
use server::uploads::{Folder, Limits, Uploads};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const KILLS: u64 = 12;
const SEED: u64 = 0x5eed_0004;
const FILE_BYTES: Range<u64> = 1..3_000_000;
const PIECE_BYTES: Range<u64> = 1..1_500_000;
/// How many bytes go to the socket at once.
const SIP: usize = 16 * 1024;
/// How long after its last byte the program lives on at most: it may be syncing, renaming or answering by then.
const LIVES_ON_US: Range<u64> = 0..3_000;

#[test]
fn sigkill_at_any_byte_loses_nothing_that_was_acknowledged() {
    let kills = number("ROUNDTRIP_KILLS").unwrap_or(KILLS);
    let mut dice = Dice(number("ROUNDTRIP_SOAK_SEED").unwrap_or(SEED));
    let data = tempfile::tempdir().expect("a folder");
    let mut done = Vec::new();
    let mut figures = Figures::default();
    let mut program = Program::start_in(data.path());
    while figures.kills < kills {
        let way = [Way::OneRequest, Way::Tus, Way::Checked][dice.below(0..3) as usize];
        let mut upload = Upload::new(way, &mut dice);
        loop {
            let mut fate = Fate {
                program: &mut program,
                bytes: dice.below(0..upload.file.len() as u64 * 3 / 2),
                lives_on: Duration::from_micros(dice.below(LIVES_ON_US)),
            };
            let sent = upload.send(&mut fate, &mut dice, &mut figures);
            if sent.is_ok() {
                break;
            }
            program.end();
            figures.kills += 1;
            program = Program::start_in(data.path());
        }
        figures.uploads += 1;
        done.push(upload);
    }
    // Every one that was finished, whatever was killed since.
    for upload in &done {
        upload.verify(&program);
    }
    program.end();
    expire(&data);
    eprintln!("{figures:?}: nothing lost, every digest right, nothing left");
}

#[derive(Debug, Default)]
struct Figures {
    kills: u64,
    uploads: u64,
    acknowledged_bytes: u64,
    /// Bytes that the server had beyond those it had acknowledged.
    unacknowledged_bytes_kept: u64,
}

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    OneRequest,
    Tus,
    Checked,
}

struct Upload {
    way: Way,
    file: Vec<u8>,
    /// `/files/{id}` or `/api/images/{id}`, once it is known.
    path: Option<String>,
    /// How many bytes the server has said that it has.
    acknowledged: u64,
    /// Where the piece under way ends.
    end: u64,
}

impl Upload {
    fn new(way: Way, dice: &mut Dice) -> Upload {
        let bytes = dice.below(FILE_BYTES);
        Upload {
            way,
            file: (0..bytes.div_ceil(8))
                .flat_map(|_| dice.roll().to_le_bytes())
                .take(bytes as usize)
                .collect(),
            path: None,
            acknowledged: 0,
            end: 0,
        }
    }

    /// Sends what is missing. It fails when the program is killed meanwhile.
    fn send(&mut self, fate: &mut Fate, dice: &mut Dice, figures: &mut Figures) -> io::Result<()> {
        if self.way == Way::OneRequest {
            let answer = fate.request("POST /api/images", "", &self.file)?;
            assert_eq!(answer.status, 201);
            self.path = Some(answer.field("location"));
            figures.acknowledged_bytes += self.file.len() as u64;
            return Ok(());
        }
        let path = match self.path.clone() {
            Some(path) => {
                self.ask(&path, fate, figures)?;
                path
            }
            None => {
                let length = format!("Upload-Length: {}\r\n", self.file.len());
                let answer = fate.request("POST /files", &length, b"")?;
                assert_eq!(answer.status, 201);
                self.path.insert(answer.field("location")).clone()
            }
        };
        while self.acknowledged < self.file.len() as u64 {
            let from = self.acknowledged;
            self.end = (from + dice.below(PIECE_BYTES)).min(self.file.len() as u64);
            let piece = &self.file[from as usize..self.end as usize];
            let mut fields = format!(
                "Upload-Offset: {from}\r\nContent-Type: application/offset+octet-stream\r\n"
            );
            if self.way == Way::Checked {
                let sum = STANDARD.encode(Sha256::digest(piece));
                fields += &format!("Upload-Checksum: sha256 {sum}\r\n");
            }
            let answer = fate.request(&format!("PATCH {path}"), &fields, piece)?;
            assert_eq!(answer.status, 204);
            assert_eq!(answer.field("upload-offset"), self.end.to_string());
            figures.acknowledged_bytes += self.end - from;
            self.acknowledged = self.end;
        }
        Ok(())
    }

    /// Asks how far it is, after the program was killed.
    fn ask(&mut self, path: &str, fate: &mut Fate, figures: &mut Figures) -> io::Result<()> {
        let answer = fate.request(&format!("HEAD {path}"), "", b"")?;
        assert_eq!(answer.status, 200);
        let offset: u64 = answer.field("upload-offset").parse().expect("a number");
        let told = self.acknowledged;
        assert!(offset >= told, "{offset} of {told} acknowledged bytes");
        assert!(offset <= self.end, "{offset} of {} bytes sent", self.end);
        if self.way == Way::Checked {
            assert!(offset == told || offset == self.end, "a part of a piece");
        }
        figures.unacknowledged_bytes_kept += offset - told;
        figures.acknowledged_bytes += offset - told;
        self.acknowledged = offset;
        Ok(())
    }

    fn verify(&self, program: &Program) {
        let path = self.path.as_ref().expect("it was finished");
        let path = path.replace("/files/", "/api/images/");
        let digest = Sha256::digest(&self.file);
        let image = program.get(&path);
        let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
        assert!(image.body_text().contains(&hex), "{}", image.body_text());
        let original = program.get(&format!("{path}/original"));
        let sum = format!("sha-256=:{}:", STANDARD.encode(digest));
        assert_eq!(original.field("repr-digest"), sum);
        assert_eq!(original.body, self.file);
    }
}

/// Until when the program lives: for so many more bytes of bodies, and a moment.
struct Fate<'a> {
    program: &'a mut Program,
    bytes: u64,
    lives_on: Duration,
}

impl Fate<'_> {
    /// A request and its answer, unless the program's time comes before that.
    fn request(&mut self, line: &str, fields: &str, body: &[u8]) -> io::Result<Answer> {
        let mut socket = self.program.begin(line, fields, body.len() as u64)?;
        for sip in body.chunks(SIP) {
            let now = sip.len().min(self.bytes as usize);
            socket.write_all(&sip[..now])?;
            self.bytes -= now as u64;
            if self.bytes == 0 {
                // Waits for nothing: how far the server gets before it is killed is what is tried.
                thread::sleep(self.lives_on);
                self.program.kill();
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
        Answer::read(socket)
    }
}

/// The same folder when everybody's time is over.
fn expire(data: &TempDir) {
    let folder = data.path().join("uploads");
    assert!(names(&folder).len() > 1);
    let limits = Limits {
        age: Duration::ZERO,
        ..Limits::default()
    };
    let storage = Folder::open(folder.clone()).expect("a folder");
    Uploads::over(Arc::new(storage), limits, Arc::new(SystemTime::now)).expect("it opens");
    assert_eq!(names(&folder), BTreeSet::from(["lock".into()]));
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("the folder");
    entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.into_string().expect("UTF-8"))
        .collect()
}

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().expect("a number"))
}

/// Seeded chance (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, range: Range<u64>) -> u64 {
        range.start + self.roll() % (range.end - range.start).max(1)
    }
}
