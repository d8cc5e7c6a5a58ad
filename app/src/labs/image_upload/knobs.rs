//! What can be set in the image upload lab, its bounds, its state in the address, its commands.

use wire::images::{IMAGES_PATH, TUS_PATH};

use super::tus::metadata;
use crate::components::{
    command::{Curl, quote},
    query::{Reader, Writer},
};

/// How the file goes, as it stands in the address.
pub const WAYS: &[&str] = &["chunks", "one"];
/// The place of "in chunks" among [`WAYS`].
pub const CHUNKS: usize = 0;
/// The size of a chunk unless told otherwise, in KiB.
pub const CHUNK_KIB: u64 = 1_024;
/// The least and the greatest size of a chunk, in KiB.
pub const CHUNK_KIB_BOUNDS: std::ops::RangeInclusive<u64> = 16..=65_536;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knobs {
    /// The place among [`WAYS`].
    pub way: usize,
    /// The size of a chunk, in KiB.
    pub chunk_kib: u64,
}

impl Default for Knobs {
    fn default() -> Knobs {
        Knobs {
            way: CHUNKS,
            chunk_kib: CHUNK_KIB,
        }
    }
}

impl Knobs {
    /// Reads the state from the address.
    pub fn read(reader: &mut Reader) -> Knobs {
        Knobs {
            way: reader.choice("way", WAYS),
            chunk_kib: reader.number("chunk_kib", CHUNK_KIB_BOUNDS, CHUNK_KIB),
        }
    }

    /// The query that reads back as this state.
    pub fn write(&self) -> String {
        Writer::new()
            .choice("way", WAYS, self.way)
            .number("chunk_kib", self.chunk_kib, CHUNK_KIB)
            .finish()
    }

    /// The size of a chunk, in bytes.
    pub fn chunk(&self) -> u64 {
        self.chunk_kib * 1_024
    }

    /// The commands that do the same in a terminal, for a file of this name and type in the current folder.
    pub fn commands(
        &self,
        origin: &str,
        run: &str,
        traceparent: &str,
        name: &str,
        media_type: &str,
    ) -> Vec<(&'static str, String)> {
        let one = Curl::new("-i", &format!("{origin}{IMAGES_PATH}"))
            .header("traceparent", traceparent)
            .header("Content-Type", media_type)
            .option(&format!("--data-binary {}", quote(&format!("@{name}"))))
            .finish();
        // A name that begins with a hyphen would be an option.
        let file = quote(&if name.starts_with('-') {
            format!("./{name}")
        } else {
            name.to_owned()
        });
        // Each request is an exchange of its own; the shell draws their numbers.
        let joins = format!(
            "-H \"traceparent: 00-{run}-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \\n')-01\" -H 'Tus-Resumable: 1.0.0'"
        );
        let chunk = self.chunk();
        let tus = format!(
            "file={file}\n\
             length=$(wc -c < \"$file\" | tr -d ' ')\n\
             upload=$(curl -s -D - -o /dev/null -X POST {joins} \\\n  \
               -H \"Upload-Length: $length\" -H {meta} {url} |\n  \
               tr -d '\\r' | sed -n 's/^[Ll]ocation: //p')\n\
             case $upload in /*) upload={origin}$upload;; esac\n\
             offset=0\n\
             while [ \"$offset\" -lt \"$length\" ]; do\n  \
               tail -c +$((offset + 1)) \"$file\" | head -c {chunk} |\n    \
               curl -s -X PATCH {joins} \\\n      \
               -H \"Upload-Offset: $offset\" -H 'Content-Type: application/offset+octet-stream' \\\n      \
               --data-binary @- \"$upload\"\n  \
               offset=$((offset + {chunk}))\n\
             done\n\
             curl -s \"{origin}{IMAGES_PATH}/${{upload##*/}}\"",
            meta = quote(&format!("Upload-Metadata: {}", metadata(name, media_type))),
            url = quote(&format!("{origin}{TUS_PATH}")),
        );
        let mut commands = vec![
            ("In chunks (tus 1.0.0), and ask what became of it", tus),
            ("In one request", one),
        ];
        if self.way != CHUNKS {
            commands.reverse();
        }
        commands.push(("The digest to compare with", format!("sha256sum {file}")));
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
        assert_eq!(read(""), (Knobs::default(), 0));
        assert_eq!(read("chunk_kib=16").1, 0);
        assert_eq!(read("chunk_kib=15").0.chunk_kib, 16);
        assert_eq!(read("chunk_kib=65537").0.chunk_kib, 65_536);
        assert_eq!(read("way=two").1, 1);
    }

    #[test]
    fn the_commands_are_what_a_shell_can_read() {
        for name in ["photo.jpg", "it's $(id).jpg", "-rf", "a b.jpg"] {
            for (title, command) in
                Knobs::default().commands("http://h:1", "ab", "00-ab-cd-01", name, "image/jpeg")
            {
                let check = Command::new("sh").arg("-nc").arg(&command).status();
                assert!(check.expect("sh runs").success(), "{title}: {command}");
            }
        }
        let commands =
            Knobs::default().commands("http://h:1", "ab", "00-ab-cd-01", "a.jpg", "image/jpeg");
        assert!(commands[0].1.contains("head -c 1048576"));
        assert_eq!(
            commands[1].1,
            "curl -i http://h:1/api/images \\\n  -H 'traceparent: 00-ab-cd-01' \\\n  \
             -H 'Content-Type: image/jpeg' \\\n  --data-binary @a.jpg"
        );
    }

    proptest! {
        #[test]
        fn a_link_reproduces_the_experiment(way in 0..2_usize, chunk_kib in CHUNK_KIB_BOUNDS) {
            let knobs = Knobs { way, chunk_kib };
            prop_assert_eq!(read(&knobs.write()), (knobs, 0));
        }
    }
}
