//! What the fuzzers begin with, `fuzz/corpus`, by an ordinary compiler.

use std::{fs, path::Path};

use server::testing::{decode_picture, read_tus_fields};

fn corpus(of: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(of);
    let entries = fs::read_dir(folder).expect("the corpus");
    let files = entries.map(|entry| {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        (name, fs::read(path).expect("a file"))
    });
    files.collect()
}

#[test]
fn fields_are_read_or_refused() {
    for (name, lines) in corpus("tus_fields") {
        let read = read_tus_fields(&lines);
        match name.as_str() {
            "with-metadata" | "deferred-and-checked" | "joined" | "partial" => {
                assert!(read, "{name}")
            }
            "too-far" | "traversal" => assert!(!read, "{name}"),
            // One that a fuzzer has added.
            _ => {}
        }
    }
}

#[test]
fn pictures_are_decoded_or_say_why_not() {
    for (name, bytes) in corpus("picture") {
        let picture = decode_picture(bytes);
        assert!(picture.preview.is_some() || picture.why.is_some(), "{name}");
        if ["small.png", "one.gif", "one.jpg", "one.webp"].contains(&name.as_str()) {
            assert_eq!(picture.why, None, "{name}");
        }
        if ["bomb.png", "large-screen.gif", "no.svg"].contains(&name.as_str()) {
            assert!(picture.why.is_some(), "{name}");
        }
    }
}
