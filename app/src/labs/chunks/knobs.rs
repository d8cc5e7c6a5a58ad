//! What can be set in the comparison, its bounds, its state in the address, its commands.

use wire::{
    Fault, Faults,
    images::{IMAGES_PATH, TUS_PATH},
};

use crate::components::query::{Reader, Writer};

/// The file's size, in KiB.
pub const FILE: usize = 0;
/// The size of a chunk, in KiB.
pub const CHUNK: usize = 1;
/// What goes over the line, in Mbit/s.
pub const RATE: usize = 2;
/// How much later each piece comes, in milliseconds.
pub const LATENCY: usize = 3;
/// Behind which KiB of the file the line drops, once; 0 for a line that holds.
pub const CUT: usize = 4;
/// How many stretches of the file go at once.
pub const AT_ONCE: usize = 5;

/// What protects a chunk: in the address.
pub const CHECKS: [&str; 3] = ["none", "checksum", "corrupted"];
/// The same, as people say it.
pub const CHECK_NAMES: [&str; 3] = ["unchecked", "with a checksum", "checked, one corrupted"];
/// At this place in [`CHECKS`] the first chunk is corrupted on purpose.
pub const CORRUPTED: usize = 2;

/// A number that can be set.
#[derive(Debug)]
pub struct Knob {
    /// Its name in the address, and its id on the page.
    pub name: &'static str,
    /// Its label.
    pub label: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// The least, the greatest, and what it is unless told otherwise.
    pub bounds: (u64, u64, u64),
}

/// Everything that can be set, in the order of the constants above.
pub const KNOBS: [Knob; 6] = [
    Knob {
        name: "file_kib",
        label: "File",
        unit: "KiB",
        bounds: (64, 16_384, 4_096),
    },
    Knob {
        name: "chunk_kib",
        label: "Chunk",
        unit: "KiB",
        bounds: (16, 16_384, 256),
    },
    Knob {
        name: "rate_mbit",
        label: "Line",
        unit: "Mbit/s",
        bounds: (1, 1_000, 20),
    },
    Knob {
        name: "latency_ms",
        label: "Latency",
        unit: "ms",
        bounds: (0, 1_000, 20),
    },
    Knob {
        name: "cut_kib",
        label: "Drops at",
        unit: "KiB",
        bounds: (0, 16_384, 3_000),
    },
    Knob {
        name: "at_once",
        label: "At once",
        unit: "",
        bounds: (1, 4, 1),
    },
];

/// What is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Knobs {
    /// The numbers, in the order of [`KNOBS`].
    pub numbers: [u64; 6],
    /// The place in [`CHECKS`].
    pub check: usize,
}

impl Knobs {
    /// Reads the state from the address.
    pub fn read(reader: &mut Reader) -> Knobs {
        Knobs {
            numbers: KNOBS.map(|knob| {
                let (least, greatest, usual) = knob.bounds;
                reader.number(knob.name, least..=greatest, usual)
            }),
            check: reader.choice("chunks", &CHECKS),
        }
    }

    /// The query that reads back as this state.
    pub fn write(&self) -> String {
        let mut writer = Writer::new();
        for (knob, value) in KNOBS.iter().zip(self.numbers) {
            writer.number(knob.name, value, knob.bounds.2);
        }
        writer.choice("chunks", &CHECKS, self.check).finish()
    }

    /// The file's size, in bytes.
    pub fn file(&self) -> u64 {
        self.numbers[FILE] * 1_024
    }

    /// The size of a chunk, in bytes.
    pub fn chunk(&self) -> u64 {
        self.numbers[CHUNK] * 1_024
    }

    /// The same, with chunks of this many KiB.
    #[must_use]
    pub fn with_chunk(mut self, kib: u64) -> Knobs {
        self.numbers[CHUNK] = kib;
        self
    }

    /// Behind which byte of the file the line drops; none where it holds, or where the file is shorter.
    pub fn cut(&self) -> Option<u64> {
        let cut = self.numbers[CUT] * 1_024;
        (cut > 0 && cut < self.file()).then_some(cut)
    }

    /// What a request asks for whose body goes over the line, and is cut behind this many of its bytes.
    pub fn faults(&self, cut: Option<u64>) -> String {
        let mut faults = Faults::NONE;
        faults.set(Fault::Rate, Some(self.numbers[RATE] * 1_000_000));
        faults.set(
            Fault::Latency,
            Some(self.numbers[LATENCY]).filter(|latency| *latency > 0),
        );
        faults.set(Fault::Cut, cut);
        faults.to_string()
    }

    /// The commands that do the same in a terminal.
    pub fn commands(
        &self,
        origin: &str,
        run: &str,
        traceparent: &str,
    ) -> Vec<(&'static str, String)> {
        let (file, chunk) = (self.file().to_string(), self.chunk().to_string());
        let line = self.faults(None);
        let cut = self.faults(self.cut());
        // Each request is an exchange of its own; the shell draws their numbers.
        let joins = [
            "-H \"traceparent: 00-",
            run,
            "-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \\n')-01\" -H 'Tus-Resumable: 1.0.0'",
        ]
        .concat();
        let behind = self.cut().unwrap_or_default().to_string();
        let checksum = match self.check {
            0 => "",
            _ => {
                "-H \"Upload-Checksum: sha256 $(openssl dgst -sha256 -binary chunk.bin | base64)\" "
            }
        };
        let tus = [
            "upload=$(curl -si -X POST ", &joins, " \\\n  -H 'Upload-Length: ", &file, "' ", origin, TUS_PATH,
            " |\n  tr -d '\\r' | sed -n 's/^[Ll]ocation: //p')\n\
             case $upload in /*) upload=", origin, "$upload;; esac\n\
             offset=0\ncut=", &behind, "\n\
             while [ \"${offset:-0}\" -lt ", &file, " ]; do\n  \
               faults=", &line, "\n  \
               if [ $cut -gt $offset ] && [ $cut -lt $((offset + ", &chunk, ")) ]; then\n    \
                 faults=$faults,cut=$((cut - offset)); cut=0\n  \
               fi\n  \
               tail -c +$((offset + 1)) file.bin | head -c ", &chunk, " > chunk.bin\n  \
               curl -s -X PATCH ", &joins, " \\\n    ", checksum, "\
               -H \"Roundtrip-Faults: $faults\" -H \"Upload-Offset: $offset\" \\\n    \
               -H 'Content-Type: application/offset+octet-stream' --data-binary @chunk.bin \"$upload\" || echo broke off\n  \
               offset=$(curl -sI ", &joins, " \"$upload\" |\n    \
               tr -d '\\r' | sed -n 's/^[Uu]pload-[Oo]ffset: //p')\n\
             done",
        ]
        .concat();
        let one = [
            "curl -i -H 'traceparent: ",
            traceparent,
            "' \\\n  -H 'Roundtrip-Faults: ",
            &cut,
            "' --data-binary @file.bin \\\n  ",
            origin,
            IMAGES_PATH,
        ]
        .concat();
        let mut commands = vec![
            (
                "Make a file as large",
                ["head -c ", &file, " /dev/urandom > file.bin"].concat(),
            ),
            (
                "Send it in one request, which is cut; then it begins again",
                one,
            ),
            (
                "Send it in chunks (tus 1.0.0), of which one is cut; the server says where to go on",
                tus,
            ),
        ];
        let at_once = self.numbers[AT_ONCE];
        if at_once > 1 {
            let part = self.file().div_ceil(at_once).to_string();
            let mut numbers = String::new();
            let mut urls = String::new();
            for number in 1..=at_once {
                let gap = if number == 1 { "" } else { " " };
                let number = number.to_string();
                numbers.push_str(&[gap, &number].concat());
                urls.push_str(&[gap, "$(cat url.", &number, ")"].concat());
            }
            let joined = [
                "for part in ", &numbers, "; do\n  \
                   tail -c +$(((part - 1) * ", &part, " + 1)) file.bin | head -c ", &part, " > part.$part\n  \
                   curl -si -X POST ", &joins, " \\\n    \
                   -H 'Upload-Concat: partial' -H \"Upload-Length: $(wc -c < part.$part | tr -d ' ')\" \\\n    \
                   -H 'Roundtrip-Faults: ", &line, "' -H 'Content-Type: application/offset+octet-stream' \\\n    \
                   --data-binary @part.$part ", origin, TUS_PATH, " |\n    \
                   tr -d '\\r' | sed -n 's/^[Ll]ocation: //p' > url.$part &\n\
                 done\nwait\n\
                 curl -i -X POST ", &joins, " \\\n  -H \"Upload-Concat: final;", &urls, "\" ", origin, TUS_PATH,
            ]
            .concat();
            commands.push(("Send parts of it at once, and have them joined", joined));
        }
        commands
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    fn read(query: &str) -> (Knobs, usize) {
        let mut reader = Reader::new(query);
        let knobs = Knobs::read(&mut reader);
        (knobs, reader.into_complaints().len())
    }

    #[test]
    fn bounds_hold_at_the_limit_and_one_past_it() {
        for (place, knob) in KNOBS.iter().enumerate() {
            let (least, greatest, usual) = knob.bounds;
            assert_eq!(read("").0.numbers[place], usual);
            for value in [least, greatest] {
                assert_eq!(read(&format!("{}={value}", knob.name)).1, 0);
            }
            let (knobs, complaints) = read(&format!("{}={}", knob.name, greatest + 1));
            assert_eq!((knobs.numbers[place], complaints), (greatest, 1));
        }
    }

    #[test]
    fn a_line_drops_within_the_file_or_not_at_all() {
        assert_eq!(read("").0.cut(), Some(3_000 * 1_024));
        assert_eq!(read("cut_kib=0").0.cut(), None);
        assert_eq!(read("file_kib=64&cut_kib=64").0.cut(), None);
        assert_eq!(read("").0.faults(Some(9)), "latency=20ms,rate=20Mbit,cut=9");
        assert_eq!(read("latency_ms=0").0.faults(None), "rate=20Mbit");
    }

    #[test]
    fn the_commands_are_what_a_shell_can_read_and_join_the_run() {
        for query in ["", "cut_kib=0&chunks=checksum", "at_once=3"] {
            let commands = read(query).0.commands("http://h:1", "ab", "00-ab-cd-01");
            for (title, command) in &commands {
                let check = Command::new("sh").arg("-nc").arg(command).status();
                assert!(check.expect("sh runs").success(), "{title}: {command}");
            }
            assert!(commands[1].1.contains("-H 'traceparent: 00-ab-cd-01'"));
            assert!(commands[2].1.contains("-H \"traceparent: 00-ab-$(od"));
            assert_eq!(commands.len(), if query == "at_once=3" { 4 } else { 3 });
        }
    }

    proptest! {
        #[test]
        fn a_link_reproduces_the_experiment(
            file in 64..=16_384_u64, chunk in 16..=16_384_u64, rate in 1..=1_000_u64, latency in 0..=1_000_u64,
            cut in 0..=16_384_u64, at_once in 1..=4_u64, check in 0..3_usize,
        ) {
            let numbers = [file, chunk, rate, latency, cut, at_once];
            let knobs = Knobs { numbers, check };
            prop_assert_eq!(read(&knobs.write()), (knobs, 0));
            let words = knobs.faults(knobs.cut());
            prop_assert_eq!(words.parse::<Faults>().map(|faults| faults.to_string()), Ok(words.clone()));
        }
    }
}
