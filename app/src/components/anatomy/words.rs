//! What each piece of a message is for, in a sentence.

/// Of a request target.
pub const TARGET: &str = "The target: the path, and behind a question mark the query. The server's name is not in it; \
    that is what Host is for (RFC 9112 §3.2).";
/// Of a version.
pub const VERSION: &str = "The protocol's version. It says how to read the message, not what the other side can do (RFC 9110 §2.5).";
/// Of a reason phrase.
pub const REASON: &str = "Words for people. Programs go by the number alone, and HTTP/2 has dropped the words (RFC 9112 §4).";
/// Of the empty line behind the head.
pub const HEAD_END: &str = "The empty line: the head is complete. Only now does the receiver know what it is dealing with (RFC 9112 §2.1).";
/// Of the empty line behind the trailers.
pub const TRAILERS_END: &str =
    "The empty line behind the last chunk: the message is complete (RFC 9112 §7.1).";
/// Of a body with a length.
pub const BODY: &str = "The body. Where it ends is said in the head, by Content-Length, or by closing the connection (RFC 9112 §6).";
/// Of a chunk's data.
pub const CHUNK_DATA: &str = "A piece of the body, as long as the line before says. Chunks are cut where the sender wrote, and mean nothing by themselves.";
/// Of the last chunk.
pub const LAST_CHUNK: &str = "The last chunk has the size 0: the body is complete (RFC 9112 §7.1).";
/// Of a chunk extension.
pub const EXTENSION: &str = "A chunk extension. Almost nobody uses them, and a receiver ignores those it does not know (RFC 9112 §7.1.1).";
/// Of a line end.
pub const LINE_END: &str = "CR LF, two bytes: the line ends (RFC 9112 §2.2).";
/// Of a line end that is a single LF.
pub const BARE_LF: &str =
    "LF alone. A recipient may take it as a line's end; a sender must write CR LF (RFC 9112 §2.2).";
/// Of the line end behind a chunk.
pub const CHUNK_END: &str =
    "CR LF behind the chunk. It does not belong to the body (RFC 9112 §7.1).";
/// Of a space in a start line.
pub const SPACE: &str = "One space separates the words of the first line (RFC 9112 §3).";
/// Of a field's colon.
pub const COLON: &str = "The colon, and white space that does not count. Before the colon there may be none (RFC 9112 §5.1).";
/// Of an empty line before a request.
pub const LEADING_LINE: &str =
    "An empty line before the request. A server skips it (RFC 9112 §2.2).";
/// Of a line that is no field.
pub const NO_FIELD: &str = "A line in the head that is no field: it has no colon, or begins with white space (RFC 9112 §5).";
/// Of a line that is cut off.
pub const CUT: &str = "The line is not complete: what is recorded ends here.";
/// Of bytes that cannot be told apart.
pub const RAW: &str = "Bytes whose end cannot be told: the fields contradict each other, or the connection speaks another protocol by now.";

/// Of a method.
pub fn method(name: &str) -> String {
    let says = match name {
        "GET" => {
            "asks for what the target names. Safe and repeatable; a body has no meaning (RFC 9110 §9.3.1)."
        }
        "HEAD" => "asks for what GET would answer, without its body (RFC 9110 §9.3.2).",
        "POST" => {
            "hands the body over to be processed. Sent twice, it may act twice (RFC 9110 §9.3.3)."
        }
        "PUT" => {
            "asks that the target hold this body from now on. Sent twice, it acts once (RFC 9110 §9.3.4)."
        }
        "PATCH" => "asks for a change that the body describes (RFC 5789).",
        "DELETE" => "asks that the target be gone (RFC 9110 §9.3.5).",
        "OPTIONS" => "asks what can be done with the target (RFC 9110 §9.3.7).",
        _ => {
            "is a method that this page does not know; a server answers 501 to those it does not (RFC 9110 §9.1)."
        }
    };
    format!("The method: {name} {says}")
}

/// Of a status code.
pub fn status(code: &str) -> String {
    let class = match code.as_bytes().first() {
        Some(b'1') => "an interim answer, the final one follows",
        Some(b'2') => "it worked",
        Some(b'3') => "something else has to be done first, such as asking elsewhere",
        Some(b'4') => "the request is at fault",
        Some(b'5') => "the server is at fault",
        _ => "no class that is known",
    };
    format!("The status code. Its first digit is its class: {class} (RFC 9110 §15).")
}

/// Of a chunk's size.
pub fn chunk(bytes: u64) -> String {
    format!("The length of the chunk that follows, in hex: {bytes} bytes (RFC 9112 §7.1).")
}

/// Of a header field that nothing is known of.
const UNKNOWN: &str = "A header field that this page has no words for. A receiver ignores those it does not know (RFC 9110 §5.1).";

/// Of a header field, by its name in any case.
pub fn field(name: &str) -> String {
    known(name).unwrap_or_else(|| UNKNOWN.to_owned())
}

#[cfg(not(target_arch = "wasm32"))]
fn known(name: &str) -> Option<String> {
    wire::words::find(wire::words::FIELDS.iter().copied(), name).map(str::to_owned)
}

/// The words stand in the document, so that they need not come with the WebAssembly as well.
#[cfg(target_arch = "wasm32")]
fn known(name: &str) -> Option<String> {
    thread_local! {
        static FIELDS: Vec<(String, String)> = from_document();
    }
    FIELDS.with(|fields| {
        let fields = fields.iter().map(|(name, says)| (&**name, &**says));
        wire::words::find(fields, name).map(str::to_owned)
    })
}

/// The terms and descriptions of the document's list.
#[cfg(target_arch = "wasm32")]
fn from_document() -> Vec<(String, String)> {
    let mut fields = Vec::new();
    if let Some(list) = crate::browser::document().get_element_by_id(wire::words::LIST_ID) {
        let children = list.children();
        let text = |place| Some(children.item(place)?.text_content().unwrap_or_default());
        let mut place = 0;
        while let (Some(name), Some(says)) = (text(place), text(place + 1)) {
            fields.push((name, says));
            place += 2;
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_known_by_its_name_in_any_case() {
        assert!(field("HOST").contains("Which server"));
        assert!(field("Sec-Fetch-Mode").contains("Fetch metadata"));
        assert!(field("accept").contains("formats"));
        assert!(field("Accept-Charset").contains("can take"));
        assert!(field("x-mine").contains("no words"));
    }
}
