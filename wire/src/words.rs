//! What the parts of a message are for, a sentence each. The server writes them into its documents, and the page reads
//! them there: what stands in the document need not come with the WebAssembly as well.

/// The id of the description list that holds [`PIECES`].
pub const PIECES_ID: &str = "piece-words";
/// The id of the description list that holds [`FIELDS`].
pub const FIELDS_ID: &str = "field-words";

/// The words of a field, by its name in any case.
pub fn of_field<'a>(
    mut fields: impl Iterator<Item = (&'a str, &'a str)>,
    name: &str,
) -> Option<&'a str> {
    let lower = name.to_ascii_lowercase();
    fields
        .find(|(known, _)| *known == lower || (known.ends_with('-') && lower.starts_with(known)))
        .map(|(_, says)| says)
}

/// The words of a piece, by its name.
pub fn of_piece<'a>(
    mut pieces: impl Iterator<Item = (&'a str, &'a str)>,
    name: &str,
) -> Option<&'a str> {
    pieces
        .find(|(known, _)| *known == name)
        .map(|(_, says)| says)
}

/// Of the pieces of a message, by their names on the page. `Method GET` is what is said of that method.
pub const PIECES: &[(&str, &str)] = &[
    (
        "Method GET",
        "asks for what the target names. Safe and repeatable; a body has no meaning (RFC 9110 §9.3.1).",
    ),
    (
        "Method HEAD",
        "asks for what GET would answer, without its body (RFC 9110 §9.3.2).",
    ),
    (
        "Method POST",
        "hands the body over to be processed. Sent twice, it may act twice (RFC 9110 §9.3.3).",
    ),
    (
        "Method PUT",
        "asks that the target hold this body from now on. Sent twice, it acts once (RFC 9110 §9.3.4).",
    ),
    (
        "Method PATCH",
        "asks for a change that the body describes (RFC 5789).",
    ),
    (
        "Method DELETE",
        "asks that the target be gone (RFC 9110 §9.3.5).",
    ),
    (
        "Method OPTIONS",
        "asks what can be done with the target (RFC 9110 §9.3.7).",
    ),
    (
        "Method",
        "is a method that this page does not know; a server answers 501 to those it does not (RFC 9110 §9.1).",
    ),
    (
        "Target",
        "The target: the path, and behind a question mark the query. The server's name is not in it; that is what Host is for (RFC 9112 §3.2).",
    ),
    (
        "Version",
        "The protocol's version. It says how to read the message, not what the other side can do (RFC 9110 §2.5).",
    ),
    (
        "Status 1",
        "The status code. Its first digit is its class: an interim answer, the final one follows (RFC 9110 §15).",
    ),
    (
        "Status 2",
        "The status code. Its first digit is its class: it worked (RFC 9110 §15).",
    ),
    (
        "Status 3",
        "The status code. Its first digit is its class: something else has to be done first, such as asking elsewhere (RFC 9110 §15).",
    ),
    (
        "Status 4",
        "The status code. Its first digit is its class: the request is at fault (RFC 9110 §15).",
    ),
    (
        "Status 5",
        "The status code. Its first digit is its class: the server is at fault (RFC 9110 §15).",
    ),
    (
        "Status",
        "The status code. Its first digit is its class: no class that is known (RFC 9110 §15).",
    ),
    (
        "Reason",
        "Words for people. Programs go by the number alone, and HTTP/2 has dropped the words (RFC 9112 §4).",
    ),
    (
        "Empty line",
        "The empty line: the head is complete. Only now does the receiver know what it is dealing with (RFC 9112 §2.1).",
    ),
    (
        "Empty line behind trailers",
        "The empty line behind the last chunk: the message is complete (RFC 9112 §7.1).",
    ),
    (
        "Body",
        "The body. Where it ends is said in the head, by Content-Length, or by closing the connection (RFC 9112 §6).",
    ),
    (
        "Chunk",
        "A piece of the body, as long as the line before says. Chunks are cut where the sender wrote, and mean nothing by themselves.",
    ),
    (
        "Last chunk",
        "The last chunk has the size 0: the body is complete (RFC 9112 §7.1).",
    ),
    (
        "Chunk extension",
        "A chunk extension. Almost nobody uses them, and a receiver ignores those it does not know (RFC 9112 §7.1.1).",
    ),
    (
        "Line end",
        "CR LF, two bytes: the line ends (RFC 9112 §2.2).",
    ),
    (
        "LF",
        "LF alone. A recipient may take it as a line's end; a sender must write CR LF (RFC 9112 §2.2).",
    ),
    (
        "Chunk end",
        "CR LF behind the chunk. It does not belong to the body (RFC 9112 §7.1).",
    ),
    (
        "Space",
        "One space separates the words of the first line (RFC 9112 §3).",
    ),
    (
        "Colon",
        "The colon, and white space that does not count. Before the colon there may be none (RFC 9112 §5.1).",
    ),
    (
        "Line before",
        "An empty line before the request. A server skips it (RFC 9112 §2.2).",
    ),
    (
        "No field",
        "A line in the head that is no field: it has no colon, or begins with white space (RFC 9112 §5).",
    ),
    (
        "Cut off",
        "The line is not complete: what is recorded ends here.",
    ),
    (
        "Other bytes",
        "Bytes whose end cannot be told: the fields contradict each other, or the connection speaks another protocol by now.",
    ),
];

/// Of header fields. Names in lower case; one that ends in a hyphen stands for all that begin so.
pub const FIELDS: &[(&str, &str)] = &[
    (
        "accept",
        "The formats that the client can use, with weights (RFC 9110 §12.5.1).",
    ),
    (
        "accept-encoding",
        "The compressions that the client can undo (RFC 9110 §12.5.3).",
    ),
    (
        "accept-language",
        "The languages that the person reads (RFC 9110 §12.5.4).",
    ),
    ("accept-", "What the client can take (RFC 9110 §12)."),
    (
        "access-control-",
        "What pages of other origins may do (Fetch standard, CORS).",
    ),
    (
        "allow",
        "The methods that the target supports (RFC 9110 §10.2.1).",
    ),
    (
        "authorization",
        "Who asks, with proof. A run records its length only (RFC 9110 §11.6.2).",
    ),
    (
        "cache-control",
        "Who may keep a copy, and how long (RFC 9111 §5.2).",
    ),
    (
        "connection",
        "Whether the connection stays open behind this message, and which fields are for the next hop only (RFC 9110 §7.6.1).",
    ),
    (
        "content-disposition",
        "Show it, or offer to save it, and under which name (RFC 6266).",
    ),
    (
        "content-encoding",
        "The compression of the body (RFC 9110 §8.4).",
    ),
    (
        "content-language",
        "The language of the body (RFC 9110 §8.5).",
    ),
    (
        "content-length",
        "The length of the body, in bytes: this is how its end is found (RFC 9110 §8.6).",
    ),
    (
        "content-location",
        "The body's own address (RFC 9110 §8.7).",
    ),
    (
        "content-security-policy",
        "What the page may load, and from where.",
    ),
    (
        "content-type",
        "The format of the body. A message without a body needs none (RFC 9110 §8.3).",
    ),
    (
        "cookie",
        "What the server asked the browser to hand back. A run records its length only (RFC 6265).",
    ),
    (
        "cross-origin-",
        "Keeps pages of other origins apart. In return the browser gives a finer clock.",
    ),
    (
        "date",
        "When the message was made, to the second (RFC 9110 §6.6.1).",
    ),
    ("dnt", "An old wish not to be followed."),
    (
        "etag",
        "A name for this very state of the target (RFC 9110 §8.8.3).",
    ),
    (
        "expect",
        "With 100-continue the client waits for leave before it sends the body (RFC 9110 §10.1.1).",
    ),
    (
        "host",
        "Which server is meant: one address may serve many names. HTTP/1.1 requires it (RFC 9110 §7.2).",
    ),
    (
        "idempotency-key",
        "A name for this attempt, so that sending it twice acts once.",
    ),
    (
        "if-",
        "A condition: act only if the target's state is the one named (RFC 9110 §13).",
    ),
    (
        "keep-alive",
        "How long an idle connection is kept. From before HTTP/1.1.",
    ),
    (
        "last-event-id",
        "The last message that this subscriber had: the server goes on behind it (HTML standard, server-sent events).",
    ),
    (
        "last-modified",
        "When the target last changed, to the second (RFC 9110 §8.8.2).",
    ),
    (
        "link",
        "Addresses that have to do with this one (RFC 8288).",
    ),
    (
        "location",
        "Where the new thing is, or where to ask instead (RFC 9110 §10.2.2).",
    ),
    (
        "origin",
        "The page's origin, where the browser thinks that the server should know (RFC 6454 §7).",
    ),
    (
        "permissions-policy",
        "Which of the browser's abilities the page may use.",
    ),
    (
        "pragma",
        "Cache-Control's predecessor, for HTTP/1.0 (RFC 9111 §5.4).",
    ),
    ("prefer", "A wish that the server may grant (RFC 7240)."),
    (
        "preference-applied",
        "The wish that was granted (RFC 7240 §3).",
    ),
    (
        "priority",
        "How urgent the browser thinks it is (RFC 9218).",
    ),
    ("proxy-", "Between the client and a proxy (RFC 9110 §11.7)."),
    ("range", "Only this part, please (RFC 9110 §14.2)."),
    (
        "referer",
        "The page that asked. The spelling mistake is in the standard (RFC 9110 §10.1.3).",
    ),
    (
        "referrer-policy",
        "How much of its address the page tells others.",
    ),
    (
        "repr-digest",
        "A digest over the file as it is, whatever way it travels (RFC 9530).",
    ),
    ("retry-after", "When to try again (RFC 9110 §10.2.3)."),
    (
        "roundtrip-faults",
        "The faults that this exchange asks for: this playground's own.",
    ),
    (
        "sec-ch-",
        "A client hint: what browser this is, in small pieces (RFC 8942).",
    ),
    (
        "sec-fetch-",
        "Fetch metadata: from where and for what the browser asks. A page cannot forge it.",
    ),
    ("sec-gpc", "A wish not to be sold or shared."),
    (
        "sec-websocket-",
        "The handshake that turns HTTP/1.1 into a WebSocket (RFC 6455 §4).",
    ),
    ("server", "What program answers (RFC 9110 §10.2.4)."),
    (
        "server-timing",
        "How long the server took for which step, told to the browser (W3C Server Timing).",
    ),
    (
        "set-cookie",
        "What the browser shall hand back. A run records its length only (RFC 6265).",
    ),
    (
        "strict-transport-security",
        "From now on only over TLS (RFC 6797).",
    ),
    (
        "te",
        "Which transfer codings and trailers the client takes (RFC 9110 §10.1.4).",
    ),
    (
        "timing-allow-origin",
        "Who may see the fine times of this response (W3C Resource Timing).",
    ),
    (
        "traceparent",
        "The run and the exchange: by this the timeline knows that the message is one of its own (W3C Trace Context).",
    ),
    (
        "tracestate",
        "What tracing systems add for themselves (W3C Trace Context).",
    ),
    (
        "trailer",
        "The fields that will follow the body (RFC 9110 §6.6.2).",
    ),
    (
        "transfer-encoding",
        "How the body is framed for the way. Chunked: each piece says its own length (RFC 9112 §6.1).",
    ),
    (
        "tus-",
        "The version of tus, the protocol for uploads that can be resumed, and what the server offers of it.",
    ),
    (
        "upgrade",
        "The protocol that the client would rather speak (RFC 9110 §7.8).",
    ),
    (
        "upgrade-insecure-requests",
        "The browser would take a redirect to TLS.",
    ),
    (
        "upload-expires",
        "Until when an unfinished upload is kept (tus 1.0.0, expiration).",
    ),
    (
        "upload-length",
        "How long the whole file is, in bytes (tus 1.0.0).",
    ),
    (
        "upload-metadata",
        "The file's name and type, in base64 (tus 1.0.0, creation).",
    ),
    (
        "upload-offset",
        "Where in the file these bytes begin, or how many the server has (tus 1.0.0).",
    ),
    ("user-agent", "What program asks (RFC 9110 §10.1.5)."),
    (
        "vary",
        "Which request fields the answer depends on, for caches (RFC 9110 §12.5.5).",
    ),
    ("via", "The proxies on the way (RFC 9110 §7.6.3)."),
    (
        "www-authenticate",
        "How to prove who asks (RFC 9110 §11.6.1).",
    ),
    (
        "x-content-type-options",
        "Believe the Content-Type, do not guess.",
    ),
    ("x-forwarded-", "What a proxy says about whom it asks for."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_prefix_hides_a_name_behind_it() {
        for (name, says) in FIELDS {
            let found = of_field(FIELDS.iter().copied(), name);
            assert_eq!(found, Some(*says), "{name}");
        }
    }

    #[test]
    fn every_piece_has_one_name() {
        for (name, says) in PIECES {
            let found = of_piece(PIECES.iter().copied(), name);
            assert_eq!(found, Some(*says), "{name}");
        }
    }
}
