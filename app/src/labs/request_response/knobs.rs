//! What can be set in the request–response lab, its bounds, and its state in the address.

use wire::{
    echo::{ECHO_PATH, Framing, Work},
    limits::{
        ECHO_BYTES_MAX, ECHO_CPU_MS_MAX, ECHO_DELAY_MS_MAX, PROBE_GAP_MS_MAX, PROBE_PIECES_MAX,
    },
};

use super::presets;
use crate::components::{
    command::{Curl, printf, quote},
    query::{Reader, Writer},
    raw::{self, NotRaw, Places},
};

/// The methods that can be chosen.
pub const METHODS: &[&str] = &["POST", "GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
/// How the server spends the time, as it stands in the address.
pub const WORKS: &[&str] = &["wait", "cpu"];
/// How the response's end is told, as it stands in the address.
pub const FRAMINGS: &[&str] = &["length", "chunked", "close"];
/// The time the server takes unless told otherwise, in milliseconds: long enough to be seen beside the rest.
pub const DELAY_MS: u64 = 40;
/// The least and the greatest status code that can be asked for.
pub const STATUS: std::ops::RangeInclusive<u64> = 200..=599;
/// The longest body or raw request that goes into the address, in bytes; a longer one stays on the page.
pub const SHARED_TEXT_MAX: usize = 4_000;
const STATUS_OK: u64 = 200;

/// A body's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Its word in the address.
    pub word: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its `Content-Type`; empty for no body.
    pub content_type: &'static str,
    /// A body to begin with.
    pub sample: &'static str,
}

/// The formats that can be chosen. The last one is no body at all.
pub const FORMATS: &[Format] = &[
    Format {
        word: "json",
        name: "JSON",
        content_type: "application/json",
        sample: "{\"order\": 7, \"items\": [\"tea\", \"scones\"]}",
    },
    Format {
        word: "form",
        name: "Form",
        content_type: "application/x-www-form-urlencoded",
        sample: "order=7&item=tea&item=two+scones",
    },
    Format {
        word: "multipart",
        name: "Multipart",
        content_type: "multipart/form-data; boundary=roundtrip",
        sample: "--roundtrip\nContent-Disposition: form-data; name=\"order\"\n\n7\n--roundtrip\n\
                 Content-Disposition: form-data; name=\"note\"; filename=\"note.txt\"\nContent-Type: text/plain\n\n\
                 Two scones, please.\n--roundtrip--\n",
    },
    Format {
        word: "xml",
        name: "XML",
        content_type: "application/xml",
        sample: "<order number=\"7\"><item>tea</item><item>scones</item></order>",
    },
    Format {
        word: "html",
        name: "HTML",
        content_type: "text/html; charset=utf-8",
        sample: "<!doctype html><title>Order 7</title><p>Tea and scones</p>",
    },
    Format {
        word: "plain",
        name: "Plain text",
        content_type: "text/plain; charset=utf-8",
        sample: "Tea and scones for order 7",
    },
    Format {
        word: "none",
        name: "None",
        content_type: "",
        sample: "",
    },
];
/// The place of "no body" among [`FORMATS`].
pub const NO_BODY: usize = FORMATS.len() - 1;
const FORMAT_WORDS: &[&str] = &["json", "form", "multipart", "xml", "html", "plain", "none"];

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knobs {
    /// The place among [`METHODS`].
    pub method: usize,
    /// The place among [`FORMATS`].
    pub format: usize,
    /// The body as it stands in the text box; `None` for the format's sample.
    pub body: Option<String>,
    /// How long the server takes, in milliseconds.
    pub delay_ms: u64,
    /// The place among [`WORKS`].
    pub work: usize,
    /// The least length of the response's body, in bytes.
    pub bytes: u64,
    /// The place among [`FRAMINGS`].
    pub framing: usize,
    /// The status code to be answered with.
    pub status: u64,
    /// The raw request in [`raw`]'s notation, where it is written by hand.
    pub by_hand: Option<String>,
    /// In how many pieces a raw request is sent.
    pub pieces: u64,
    /// The pause between two pieces, in milliseconds.
    pub gap_ms: u64,
}

impl Default for Knobs {
    fn default() -> Knobs {
        Knobs {
            method: 0,
            format: 0,
            body: None,
            delay_ms: DELAY_MS,
            work: 0,
            bytes: 0,
            framing: 0,
            status: STATUS_OK,
            by_hand: None,
            pieces: 1,
            gap_ms: 0,
        }
    }
}

impl Knobs {
    /// Reads the state from the address.
    pub fn read(reader: &mut Reader) -> Knobs {
        let method = reader.choice("method", METHODS);
        let mut format = reader.choice("format", FORMAT_WORDS);
        let work = reader.choice("work", WORKS);
        let mut knobs = Knobs {
            method,
            body: reader.text("body").map(str::to_owned),
            delay_ms: reader.number("delay_ms", 0..=delay_max(work), DELAY_MS),
            work,
            bytes: reader.number("bytes", 0..=ECHO_BYTES_MAX, 0),
            framing: reader.choice("framing", FRAMINGS),
            status: reader.number("status", STATUS, STATUS_OK),
            by_hand: reader.text("raw").map(str::to_owned),
            pieces: reader.number("pieces", 1..=PROBE_PIECES_MAX, 1),
            gap_ms: reader.number("gap_ms", 0..=PROBE_GAP_MS_MAX, 0),
            format: 0,
        };
        if let Some(word) = reader.text("preset").map(str::to_owned) {
            match presets::PRESETS.iter().find(|preset| preset.word == word) {
                Some(preset) => knobs.by_hand = Some(preset.request.to_owned()),
                None => reader.complain(format!(
                    "preset={word} in the address is none of the requests that can be chosen."
                )),
            }
        }
        if !knobs.may_have_body() && reader.text("format").is_none() {
            format = NO_BODY;
        }
        if !knobs.may_have_body() && format != NO_BODY {
            reader.complain(format!(
                "The address asks for a body with {}, and a browser sends none with it: no body is used.",
                knobs.method()
            ));
            format = NO_BODY;
        }
        knobs.format = format;
        knobs
    }

    /// The query that reads back as this state.
    pub fn write(&self) -> String {
        let mut writer = Writer::new();
        if let Some(text) = &self.by_hand {
            match presets::PRESETS
                .iter()
                .find(|preset| preset.request == text)
            {
                Some(preset) => writer.set("preset", preset.word),
                None if text.len() <= SHARED_TEXT_MAX => writer.set("raw", text),
                None => &mut writer,
            };
        }
        writer.choice("method", METHODS, self.method);
        if self.may_have_body() {
            writer.choice("format", FORMAT_WORDS, self.format);
        }
        if let Some(body) = self.body.as_ref().filter(|body| {
            self.format != NO_BODY && body.len() <= SHARED_TEXT_MAX && *body != self.format().sample
        }) {
            writer.set("body", body);
        }
        writer
            .number("delay_ms", self.delay_ms, DELAY_MS)
            .choice("work", WORKS, self.work)
            .number("bytes", self.bytes, 0)
            .choice("framing", FRAMINGS, self.framing)
            .number("status", self.status, STATUS_OK)
            .number("pieces", self.pieces, 1)
            .number("gap_ms", self.gap_ms, 0)
            .finish()
    }

    /// The method's name.
    pub fn method(&self) -> &'static str {
        METHODS.get(self.method).copied().unwrap_or("POST")
    }

    /// The body's format.
    pub fn format(&self) -> &'static Format {
        FORMATS.get(self.format).unwrap_or(&FORMATS[NO_BODY])
    }

    /// Does a browser send a body with this method (Fetch standard, `Request` constructor)?
    pub fn may_have_body(&self) -> bool {
        !matches!(self.method(), "GET" | "HEAD")
    }

    /// The body as it stands in the text box.
    pub fn body_text(&self) -> &str {
        self.body.as_deref().unwrap_or(self.format().sample)
    }

    /// The body's bytes as they are sent; `None` for no body.
    pub fn body_bytes(&self) -> Option<Vec<u8>> {
        if self.format == NO_BODY || !self.may_have_body() {
            return None;
        }
        let text = self.body_text();
        // The lines of a multipart body end with CR LF (RFC 2046 §4.1.1); a text box only knows LF.
        let text = if self.format().word == "multipart" {
            with_line_ends(text)
        } else {
            text.to_owned()
        };
        Some(text.into_bytes())
    }

    /// The request target.
    pub fn target(&self) -> String {
        let mut writer = Writer::new();
        writer
            .number("delay_ms", self.delay_ms, 0)
            .choice("work", WORKS, self.work)
            .number("bytes", self.bytes, 0)
            .choice("framing", FRAMINGS, self.framing)
            .number("status", self.status, STATUS_OK);
        format!("{ECHO_PATH}{}", writer.finish())
    }

    /// Where a raw request is handed over to be sent.
    pub fn probe_target(&self) -> String {
        let query = Writer::new()
            .number("pieces", self.pieces, 1)
            .number("gap_ms", self.gap_ms, 0)
            .finish();
        format!("/api/probe{query}")
    }

    /// How the time is spent.
    pub fn work(&self) -> Work {
        if self.work == 1 {
            Work::Cpu
        } else {
            Work::Wait
        }
    }

    /// How the response's end is told.
    pub fn framing(&self) -> Framing {
        match self.framing {
            1 => Framing::Chunked,
            2 => Framing::Close,
            _ => Framing::Length,
        }
    }

    /// The raw request's bytes, where it is written by hand.
    pub fn raw_bytes(&self, places: Places<'_>) -> Option<Result<Vec<u8>, NotRaw>> {
        self.by_hand
            .as_deref()
            .map(|text| raw::to_bytes(text, places))
    }

    /// The commands that do the same in a terminal; `origin` as `http://127.0.0.1:3000`.
    pub fn commands(&self, origin: &str, places: Places<'_>) -> Vec<(&'static str, String)> {
        if let Some(bytes) = self.raw_bytes(places) {
            let Ok(bytes) = bytes else {
                return Vec::new();
            };
            let (host, port) = places.host.rsplit_once(':').unwrap_or((places.host, "80"));
            let host = host.trim_matches(['[', ']']);
            return vec![
                (
                    "The same bytes, sent by the server to itself: they join the run",
                    format!(
                        "{} |\n{}",
                        printf(&bytes),
                        Curl::new("-sS", &format!("{origin}{}", self.probe_target()))
                            .header("traceparent", places.traceparent)
                            .option("--data-binary @-")
                            .finish()
                    ),
                ),
                (
                    "The same bytes, straight to the server; without a traceparent they join no run",
                    format!(
                        "{} | nc -q 10 {} {}",
                        printf(&bytes),
                        quote(host),
                        quote(port)
                    ),
                ),
            ];
        }
        let url = format!("{origin}{}", self.target());
        let body = self.body_bytes();
        let flags = match self.method() {
            "HEAD" => "-I",
            _ => "-i",
        };
        let mut curl = Curl::new(flags, &url);
        if !matches!(
            (self.method(), &body),
            ("GET" | "HEAD", None) | ("POST", Some(_))
        ) {
            curl = curl.method(self.method());
        }
        curl = curl.header("traceparent", places.traceparent);
        if let Some(body) = body {
            curl = curl
                .header("Content-Type", self.format().content_type)
                .body(&body);
        }
        vec![("The request that the controls describe", curl.finish())]
    }
}

/// The longest time the server takes when it is spent so, in milliseconds.
pub fn delay_max(work: usize) -> u64 {
    if work == 1 {
        ECHO_CPU_MS_MAX
    } else {
        ECHO_DELAY_MS_MAX
    }
}

/// Lines as HTTP ends them, whatever they ended in.
fn with_line_ends(text: &str) -> String {
    let mut ended = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '\n' && !ended.ends_with('\r') {
            ended.push('\r');
        }
        ended.push(letter);
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLACES: Places<'static> = Places {
        host: "127.0.0.1:3000",
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    };

    fn read(query: &str) -> (Knobs, Vec<String>) {
        let mut reader = Reader::new(query);
        let knobs = Knobs::read(&mut reader);
        (knobs, reader.into_complaints())
    }

    #[test]
    fn the_words_of_formats_are_theirs() {
        assert!(
            FORMATS
                .iter()
                .map(|format| format.word)
                .eq(FORMAT_WORDS.iter().copied())
        );
    }

    #[test]
    fn a_fresh_page_has_no_query_and_an_empty_query_is_a_fresh_page() {
        assert_eq!(Knobs::default().write(), "");
        assert_eq!(read(""), (Knobs::default(), Vec::new()));
    }

    #[test]
    fn bounds_hold_at_the_limit_and_one_past_it() {
        for (query, delay, complaints) in [
            ("delay_ms=30000", 30_000, 0),
            ("delay_ms=30001", 30_000, 1),
            ("delay_ms=5000&work=cpu", 5_000, 0),
            ("delay_ms=5001&work=cpu", 5_000, 1),
            ("delay_ms=-1", 40, 1),
        ] {
            let (knobs, said) = read(query);
            assert_eq!((knobs.delay_ms, said.len()), (delay, complaints), "{query}");
        }
        assert_eq!(read("status=199").0.status, 200);
        assert_eq!(read("status=599").0.status, 599);
        assert_eq!(read("bytes=16777217").0.bytes, ECHO_BYTES_MAX);
    }

    #[test]
    fn a_get_has_no_body() {
        let (knobs, said) = read("method=GET");
        assert_eq!((knobs.format, said.len()), (NO_BODY, 0));
        assert_eq!(knobs.body_bytes(), None);
        let (knobs, said) = read("method=GET&format=json");
        assert_eq!((knobs.format, said.len()), (NO_BODY, 1));
    }

    #[test]
    fn a_preset_stands_by_its_name() {
        for preset in presets::PRESETS {
            let knobs = Knobs {
                by_hand: Some(preset.request.to_owned()),
                ..Knobs::default()
            };
            assert_eq!(knobs.write(), format!("?preset={}", preset.word));
            assert_eq!(read(&knobs.write()), (knobs, Vec::new()));
        }
        assert_eq!(read("preset=nope").1.len(), 1);
    }

    #[test]
    fn the_command_says_what_the_controls_say() {
        let (knobs, _) = read("delay_ms=250&status=404&body={\"it's\":1}");
        let commands = knobs.commands("http://127.0.0.1:3000", PLACES);
        assert_eq!(
            commands[0].1,
            "curl -i 'http://127.0.0.1:3000/api/echo?delay_ms=250&status=404' \\\n  \
             -H 'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' \\\n  \
             -H 'Content-Type: application/json' \\\n  --data-raw '{\"it'\\''s\":1}'"
        );
        let (knobs, _) = read("method=DELETE&format=none&delay_ms=0");
        let commands = knobs.commands("http://h", PLACES);
        assert!(
            commands[0]
                .1
                .starts_with("curl -i http://h/api/echo \\\n  -X DELETE")
        );
        let (knobs, _) = read("preset=bare-lf");
        assert!(
            knobs.commands("http://h", PLACES)[1]
                .1
                .contains("| nc -q 10 127.0.0.1 3000")
        );
    }

    #[test]
    fn multipart_lines_end_with_cr_lf() {
        let (knobs, _) = read("format=multipart");
        let body = knobs.body_bytes().expect("a body");
        let text = String::from_utf8(body).expect("text");
        assert_eq!(text.matches("\r\n").count(), text.matches('\n').count());
        assert!(text.ends_with("--roundtrip--\r\n"));
    }

    proptest! {
        #[test]
        fn a_link_reproduces_the_experiment(
            method in 0..METHODS.len(), format in 0..FORMATS.len(),
            body in prop::option::of(".{0,60}"), delay_ms in 0..=5_000_u64, work in 0..2_usize,
            bytes in 0..=ECHO_BYTES_MAX, framing in 0..3_usize, status in STATUS,
            by_hand in prop::option::of(".{0,60}"), pieces in 1..=PROBE_PIECES_MAX, gap_ms in 0..=PROBE_GAP_MS_MAX,
        ) {
            let mut knobs = Knobs { method, format, body, delay_ms, work, bytes, framing, status, by_hand, pieces, gap_ms };
            if !knobs.may_have_body() {
                knobs.format = NO_BODY;
            }
            if knobs.format == NO_BODY || knobs.body.as_deref() == Some(knobs.format().sample) {
                knobs.body = None;
            }
            let (again, complaints) = read(&knobs.write());
            prop_assert_eq!(complaints, Vec::<String>::new());
            prop_assert_eq!(again, knobs);
        }
    }
}
