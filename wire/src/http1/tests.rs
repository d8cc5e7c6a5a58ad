use super::*;
use proptest::prelude::*;

/// Every part of a stream of messages, merged over the cuts: message number, kind, offset, length, whole, ended.
type Parts = Vec<(usize, PieceKind, u64, usize, bool, bool)>;

fn parts(framer: &mut Framer, stream: &[u8], cuts: &[usize]) -> Parts {
    let mut parts: Parts = Vec::new();
    let (mut message, mut open) = (0, false);
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    ends.sort_unstable();
    ends.push(stream.len());
    let mut at = 0;
    for end in ends {
        while at < end {
            let piece = framer.piece(&stream[at..end]);
            assert!(piece.bytes > 0, "no progress at {at}");
            at += piece.bytes;
            match parts.last_mut().filter(|_| open) {
                // Of a line that was cut, the last piece knows the kind.
                Some(last) => {
                    *last = (
                        last.0,
                        piece.kind,
                        last.2,
                        last.3 + piece.bytes,
                        piece.whole,
                        piece.ended,
                    );
                }
                None => {
                    parts.push((
                        message,
                        piece.kind,
                        piece.offset,
                        piece.bytes,
                        piece.whole,
                        piece.ended,
                    ));
                }
            }
            open = !piece.whole;
            message += usize::from(piece.ended);
        }
    }
    parts
}

/// Where messages begin and heads end, by `advance`.
fn boundaries(framer: &mut Framer, stream: &[u8], cuts: &[usize]) -> Vec<(usize, Option<usize>)> {
    let mut found = Vec::new();
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    ends.sort_unstable();
    ends.push(stream.len());
    let mut at = 0;
    let mut head_end = None;
    for end in ends {
        while at < end {
            let start = at;
            let step = framer.advance(&stream[at..end]);
            at += step.bytes;
            if let Some(end) = step.head_end {
                head_end = Some(start + (end - step.offset) as usize);
            }
            if step.ended {
                found.push((at, head_end.take()));
            }
        }
    }
    found
}

fn shown(stream: &[u8], direction: Direction, answers: Answers) -> String {
    let split = split(stream, direction, answers);
    let text = |range: &std::ops::Range<usize>| {
        String::from_utf8_lossy(&stream[range.clone()])
            .escape_debug()
            .to_string()
    };
    let mut out = String::new();
    for part in &split.parts {
        let name = format!("{:?}", part.kind);
        let name = name.split([' ', '{']).next().unwrap_or_default().to_owned();
        let inside: Vec<String> = match &part.kind {
            PartKind::RequestLine {
                method,
                target,
                version,
            } => vec![text(method), text(target), text(version)],
            PartKind::StatusLine {
                version,
                status,
                reason,
            } => vec![text(version), text(status), text(reason)],
            PartKind::Field { name, value } | PartKind::Trailer { name, value } => {
                vec![text(name), text(value)]
            }
            PartKind::ChunkSize {
                digits,
                extension,
                bytes,
            } => {
                vec![text(digits), text(extension), bytes.to_string()]
            }
            _ => vec![text(&part.range)],
        };
        let open = if part.whole { "" } else { " …" };
        out.push_str(&format!(
            "{:>3}..{:<3} {name} {inside:?}{open}\n",
            part.range.start, part.range.end
        ));
    }
    out.push_str(&format!(
        "{} of {} bytes, head {:?}, {:?}, complete {}",
        split.bytes,
        stream.len(),
        split.head_end,
        split.framing(),
        split.complete
    ));
    out
}

#[test]
fn a_request_without_a_body() {
    insta::assert_snapshot!(shown(
        b"GET /api/echo?delay_ms=5 HTTP/1.1\r\nHost: localhost:3000\r\nX-Empty:\r\nAccept:  a, b \r\n\r\nGET /next",
        Direction::Request,
        Answers::Other,
    ));
}

#[test]
fn a_chunked_request_with_extension_and_trailer() {
    insta::assert_snapshot!(shown(
        b"\r\nPOST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nDigest: x\r\n\r\n",
        Direction::Request,
        Answers::Other,
    ));
}

#[test]
fn a_response_behind_an_interim_one() {
    insta::assert_snapshot!(shown(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnope",
        Direction::Response,
        Answers::Other,
    ));
}

#[test]
fn a_malformed_request_is_reported_as_it_stands() {
    insta::assert_snapshot!(shown(
        b"GET /a b HTTP/1.1\nno colon here\n folded: line\r\nContent-Length: 5, 5\r\n\r\nrest",
        Direction::Request,
        Answers::Other,
    ));
}

#[test]
fn a_request_that_is_cut_off() {
    insta::assert_snapshot!(shown(
        b"GET / HTTP/1.1\r\nHos",
        Direction::Request,
        Answers::Other
    ));
}

#[test]
fn a_chunk_size_that_is_none_ends_the_certainty() {
    insta::assert_snapshot!(shown(
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
        Direction::Request,
        Answers::Other,
    ));
}

fn framing_of(stream: &str, direction: Direction, answers: Answers) -> Option<BodyFraming> {
    split(stream.as_bytes(), direction, answers).framing()
}

#[test]
fn how_a_response_body_ends_follows_rfc_9112_section_6_3() {
    use BodyFraming::*;
    let cases = [
        ("200 OK\r\nContent-Length: 7", Answers::Other, Length(7)),
        ("200 OK\r\nContent-Length: 7", Answers::Head, None),
        (
            "200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked",
            Answers::Other,
            Chunked,
        ),
        (
            "200 OK\r\nTransfer-Encoding: gzip",
            Answers::Other,
            UntilClose,
        ),
        ("200 OK", Answers::Other, UntilClose),
        ("200 OK", Answers::Connect, Upgraded),
        ("407 Nope\r\nContent-Length: 1", Answers::Connect, Length(1)),
        ("204 No Content", Answers::Other, None),
        (
            "304 Not Modified\r\nContent-Length: 9",
            Answers::Other,
            None,
        ),
        (
            "101 Switching Protocols\r\nUpgrade: websocket",
            Answers::Other,
            Upgraded,
        ),
        (
            "200 OK\r\nContent-Length: 1\r\nContent-Length: 2",
            Answers::Other,
            Unknown,
        ),
        (
            "200 OK\r\nContent-Length: 2\r\nContent-Length: 2",
            Answers::Other,
            Length(2),
        ),
    ];
    for (head, answers, framing) in cases {
        let stream = format!("HTTP/1.1 {head}\r\n\r\n");
        assert_eq!(
            framing_of(&stream, Direction::Response, answers),
            Some(framing),
            "{head}"
        );
    }
}

#[test]
fn how_a_request_body_ends_follows_rfc_9112_section_6_3() {
    use BodyFraming::*;
    let cases = [
        ("GET / HTTP/1.1\r\nHost: a", None),
        ("POST / HTTP/1.1\r\nContent-Length: 0", Length(0)),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 3",
            Chunked,
        ),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip",
            Unknown,
        ),
        ("POST / HTTP/1.1\r\nContent-Length: three", Unknown),
        ("CONNECT a:1 HTTP/1.1\r\nContent-Length: 3", None),
    ];
    for (head, framing) in cases {
        let stream = format!("{head}\r\n\r\n");
        assert_eq!(
            framing_of(&stream, Direction::Request, Answers::Other),
            Some(framing),
            "{head}"
        );
    }
}

#[test]
fn an_upgraded_connection_goes_on_behind_the_message_that_asked_for_it() {
    let mut framer = Framer::request();
    let head = b"GET /socket HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
    let step = framer.advance(head);
    assert!(step.ended && framer.head().is_some_and(|head| head.wants_upgrade));
    framer.upgrade();
    let step = framer.advance(b"\x81\x00GET / HTTP/1.1\r\n\r\n");
    assert_eq!(
        (step.offset, step.bytes, step.ended),
        (head.len() as u64, 20, false)
    );
}

#[test]
fn secrets_are_known_by_name_in_any_case() {
    for name in [
        "Cookie",
        "AUTHORIZATION",
        "set-cookie",
        "X-Api-Key",
        "proxy-authorization",
    ] {
        assert!(is_secret_field(name.as_bytes()), "{name}");
    }
    assert!(!is_secret_field(b"Cookies"));
}

/// A stream of messages as they might come, some of them broken.
fn stream(direction: Direction) -> impl Strategy<Value = Vec<u8>> {
    let start = match direction {
        Direction::Request => prop::sample::select(vec![
            "GET / HTTP/1.1",
            "POST /a?b HTTP/1.1",
            "HEAD / HTTP/1.0",
            "\r\nPUT / HTTP/1.1",
            "nonsense",
            "",
        ]),
        Direction::Response => prop::sample::select(vec![
            "HTTP/1.1 200 OK",
            "HTTP/1.1 204 No Content",
            "HTTP/1.1 100 Continue",
            "HTTP/1.1 304",
            "nonsense",
            "HTTP/1.1 404 Not Found",
        ]),
    };
    let field = prop::sample::select(vec![
        "Host: a",
        "Content-Length: 0",
        "Content-Length: 11",
        "content-length: x",
        "Transfer-Encoding: chunked",
        "Upgrade: websocket",
        "Cookie: a=b",
        " folded",
        "no colon",
        "X: \u{e4}\u{f6}",
    ]);
    let body = prop::sample::select(vec![
        "",
        "hello world",
        "5\r\nhello\r\n0\r\n\r\n",
        "b;x=y\r\nhello world\r\n0\r\nT: 1\r\n\r\n",
        "5\nhello\n0\n\n",
        "5\r\nhelloX",
        "zz\r\n",
    ]);
    let end = prop::sample::select(vec!["\r\n", "\n"]);
    let message = (start, prop::collection::vec(field, 0..4), body, end).prop_map(
        |(start, fields, body, end)| {
            let mut text = format!("{start}{end}");
            for field in fields {
                text.push_str(field);
                text.push_str(end);
            }
            text + end + body
        },
    );
    prop::collection::vec(message, 0..5).prop_map(|messages| messages.concat().into_bytes())
}

fn directed() -> impl Strategy<Value = (Direction, Vec<u8>)> {
    prop_oneof![Just(Direction::Request), Just(Direction::Response)].prop_flat_map(|direction| {
        let bytes = prop_oneof![
            4 => stream(direction),
            1 => prop::collection::vec(prop::sample::select(b"\r\n:;05aGET HTP/1.chunked".to_vec()), 0..200),
        ];
        (Just(direction), bytes)
    })
}

fn framer(direction: Direction) -> Framer {
    match direction {
        Direction::Request => Framer::request(),
        Direction::Response => Framer::response(Answers::Other),
    }
}

proptest! {
    #[test]
    fn the_parts_do_not_depend_on_the_cuts(
        (direction, stream) in directed(),
        cuts in prop::collection::vec(any::<usize>(), 0..40),
    ) {
        let whole = parts(&mut framer(direction), &stream, &[]);
        prop_assert_eq!(parts(&mut framer(direction), &stream, &cuts), whole);
        prop_assert_eq!(
            boundaries(&mut framer(direction), &stream, &cuts),
            boundaries(&mut framer(direction), &stream, &[])
        );
    }

    #[test]
    fn byte_by_byte_is_the_same_too((direction, stream) in directed()) {
        let every: Vec<usize> = (0..stream.len()).collect();
        prop_assert_eq!(parts(&mut framer(direction), &stream, &every), parts(&mut framer(direction), &stream, &[]));
    }

    #[test]
    fn the_cheap_form_and_the_fine_form_agree(
        (direction, stream) in directed(),
        cuts in prop::collection::vec(any::<usize>(), 0..40),
    ) {
        let (mut cheap, mut fine) = (framer(direction), framer(direction));
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
        ends.sort_unstable();
        ends.push(stream.len());
        let mut at = 0;
        for end in ends {
            while at < end {
                let step = cheap.advance(&stream[at..end]);
                let (mut bytes, mut head_bytes, mut ended) = (0, 0, false);
                while bytes < step.bytes {
                    let piece = fine.piece(&stream[at + bytes..end]);
                    bytes += piece.bytes;
                    head_bytes += if piece.kind.is_head() { piece.bytes } else { 0 };
                    ended = piece.ended;
                }
                prop_assert_eq!((bytes, head_bytes, ended), (step.bytes, step.head_bytes, step.ended));
                prop_assert_eq!((cheap.offset(), cheap.head()), (fine.offset(), fine.head()));
                at += bytes;
            }
        }
    }

    #[test]
    fn a_split_covers_its_message_without_a_gap((direction, stream) in directed()) {
        let split = split(&stream, direction, Answers::Other);
        let mut at = 0;
        for part in &split.parts {
            prop_assert_eq!(part.range.start, at);
            prop_assert!(part.range.end > at);
            at = part.range.end;
        }
        prop_assert_eq!(at, split.bytes);
        prop_assert!(split.complete || split.bytes == stream.len());
        let first = boundaries(&mut framer(direction), &stream, &[]).first().copied();
        prop_assert_eq!(first, split.complete.then_some((split.bytes, split.head_end)));
    }
}
