//! Requests that are wrong on purpose, in the notation of [`crate::components::raw`]. What the server makes of them is
//! the lesson.

/// One raw request to begin with.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// Its word in the address.
    pub word: &'static str,
    /// What is wrong with it.
    pub name: &'static str,
    /// What the standard says to it.
    pub says: &'static str,
    /// The request.
    pub request: &'static str,
}

/// The requests that can be chosen, the one without a fault first.
pub const PRESETS: &[Preset] = &[
    Preset {
        word: "correct",
        name: "Nothing wrong",
        says: "A start line, header fields, an empty line: complete (RFC 9112 §2.1).",
        request: "GET /api/echo HTTP/1.1\\r\\n\nHost: \\{host}\\r\\n\n\\r\\n\n",
    },
    Preset {
        word: "two-lengths",
        name: "Two Content-Lengths",
        says: "Lengths that differ must be refused with 400: two programs on the way may each believe another one \
               (RFC 9112 §6.3).",
        request: "POST /api/echo HTTP/1.1\\r\\n\nHost: \\{host}\\r\\n\nContent-Length: 5\\r\\n\nContent-Length: 6\\r\\n\n\\r\\n\nhello!",
    },
    Preset {
        word: "length-and-chunked",
        name: "Content-Length and chunked",
        says: "Chunked overrides the length, and this ought to be treated as an attack: request smuggling (RFC 9112 §6.3).",
        request: "POST /api/echo HTTP/1.1\\r\\n\nHost: \\{host}\\r\\n\nContent-Length: 30\\r\\n\nTransfer-Encoding: chunked\\r\\n\n\\r\\n\n5\\r\\n\nhello\\r\\n\n0\\r\\n\n\\r\\n\n",
    },
    Preset {
        word: "no-host",
        name: "No Host",
        says: "An HTTP/1.1 request without Host must be answered with 400 (RFC 9112 §3.2).",
        request: "GET /api/echo HTTP/1.1\\r\\n\n\\r\\n\n",
    },
    Preset {
        word: "bare-lf",
        name: "Lines end with LF alone",
        says: "A recipient may take a single LF as a line's end (RFC 9112 §2.2). Many do; that they differ is a risk.",
        request: "GET /api/echo HTTP/1.1\\n\nHost: \\{host}\\n\n\\n\n",
    },
    Preset {
        word: "bad-chunk",
        name: "A chunk size that is none",
        says: "A chunk begins with its length in hex digits (RFC 9112 §7.1). The head was fine: the fault shows in the body.",
        request: "POST /api/echo HTTP/1.1\\r\\n\nHost: \\{host}\\r\\n\nTransfer-Encoding: chunked\\r\\n\n\\r\\n\nfive\\r\\n\nhello\\r\\n\n0\\r\\n\n\\r\\n\n",
    },
    Preset {
        word: "large-head",
        name: "A head that is too large",
        says: "A server bounds what it keeps before it knows whom it serves: 431 (RFC 6585 §5).",
        request: "GET /api/echo HTTP/1.1\\r\\n\nHost: \\{host}\\r\\n\nX-Large: a\\{60000}\\r\\n\n\\r\\n\n",
    },
    Preset {
        word: "no-empty-line",
        name: "No empty line at the end",
        says: "Nothing is wrong yet, so the server waits for the rest, until its deadline for a head passes.",
        request: "GET /api/echo HTTP/1.1\\r\\n\nHost: \\{host}\\r\\n\n",
    },
    Preset {
        word: "short-body",
        name: "A body shorter than promised",
        says: "Content-Length promises 50 bytes and 5 come: the server waits for the others, until its deadline for a body passes.",
        request: "POST /api/echo HTTP/1.1\\r\\n\nHost: \\{host}\\r\\n\nContent-Length: 50\\r\\n\n\\r\\n\nhello",
    },
    Preset {
        word: "space-in-name",
        name: "A space before the colon",
        says: "No white space may stand between a field's name and its colon: 400 (RFC 9112 §5.1).",
        request: "GET /api/echo HTTP/1.1\\r\\n\nHost : \\{host}\\r\\n\n\\r\\n\n",
    },
    Preset {
        word: "http-1-0",
        name: "HTTP/1.0, ended by closing",
        says: "HTTP/1.0 knows no chunks: a body without a length ends where the connection does (RFC 9112 §6.3).",
        request: "GET /api/echo?framing=close&bytes=300 HTTP/1.0\\r\\n\nHost: \\{host}\\r\\n\n\
                  \\r\\n\n",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::raw::{Places, to_bytes};
    use std::collections::HashSet;

    #[test]
    fn every_preset_can_be_sent() {
        let places = Places {
            host: "127.0.0.1:3000",
            traceparent: "00-a-b-01",
        };
        for preset in PRESETS {
            let bytes = to_bytes(preset.request, places).expect(preset.word);
            let text = String::from_utf8(bytes).expect("text");
            assert!(text.contains(" HTTP/1."), "{}", preset.word);
            assert!(!preset.says.is_empty() && preset.name.len() < 40);
        }
        let words: HashSet<_> = PRESETS.iter().map(|preset| preset.word).collect();
        assert_eq!(words.len(), PRESETS.len());
    }
}
