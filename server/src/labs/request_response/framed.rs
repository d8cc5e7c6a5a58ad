//! Telling where a response ends (RFC 9112 §6): its length in the head, chunks that say their own, or the connection's
//! end.

use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, StatusCode, Version, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use wire::echo::{EchoAsked, EchoReply, Framing};

use crate::{Error, Result};

/// Filler is handed out in pieces of this many bytes, all of them the same memory.
const FILLER_PIECE: usize = 64 * 1024;
/// The filler: lines of 64 bytes, so that a person sees where one is.
static FILLER: [u8; FILLER_PIECE] = filler();
/// Into how many pieces the reply itself is cut where it goes out in pieces.
const PIECES: usize = 4;

const fn filler() -> [u8; FILLER_PIECE] {
    let line = *b"filler filler filler filler filler filler filler filler filler. ";
    let mut filler = [0; FILLER_PIECE];
    let mut at = 0;
    while at < FILLER_PIECE {
        filler[at] = line[at % line.len()];
        at += 1;
    }
    filler
}

/// The reply as a response of at least `asked.bytes`, framed as asked.
pub(super) fn respond(reply: &EchoReply, asked: &EchoAsked, version: Version) -> Result<Response> {
    let status = StatusCode::from_u16(asked.status)
        .map_err(|_| Error::BadRequest(format!("{} is no status code.", asked.status)))?;
    // RFC 9110 §15.3.5, §15.3.6, §15.4.5: these end with their head.
    if matches!(asked.status, 204 | 205 | 304) {
        return Ok((status, [(header::CACHE_CONTROL, "no-store")]).into_response());
    }
    let json = serde_json::to_vec(reply).map_err(anyhow::Error::from)?;
    let pieces = Pieces::new(json, asked.bytes);
    let (framing_field, body) = match asked.framing {
        Framing::Length => (
            Some((header::CONTENT_LENGTH, HeaderValue::from(pieces.bytes()))),
            pieces.at_once(),
        ),
        Framing::Chunked => (None, pieces.one_by_one()),
        // hyper frames by the connection's end for HTTP/1.0, where a chunk would not be understood; later versions get
        // chunks, and the connection ends behind them.
        Framing::Close if version < Version::HTTP_2 => (
            Some((header::CONNECTION, HeaderValue::from_static("close"))),
            pieces.one_by_one(),
        ),
        Framing::Close => (None, pieces.one_by_one()),
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    let fields: [(HeaderName, HeaderValue); 2] = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    headers.extend(fields.into_iter().chain(framing_field));
    Ok(response)
}

/// The reply's bytes: JSON, and as much filler in it as was asked for. The filler takes no memory of its own.
#[derive(Debug)]
struct Pieces {
    before: Bytes,
    filler: u64,
    after: &'static [u8],
}

impl Pieces {
    /// `json` is an object; filler brings it to `bytes_min`.
    fn new(mut json: Vec<u8>, bytes_min: u64) -> Pieces {
        const BEFORE: &[u8] = br#","filler":""#;
        const AFTER: &[u8] = br#""}"#;
        let length = json.len() as u64;
        if length >= bytes_min {
            return Pieces {
                before: json.into(),
                filler: 0,
                after: b"",
            };
        }
        json.pop();
        json.extend_from_slice(BEFORE);
        let with_empty_filler = (json.len() + AFTER.len()) as u64;
        Pieces {
            before: json.into(),
            filler: bytes_min.saturating_sub(with_empty_filler),
            after: AFTER,
        }
    }

    fn bytes(&self) -> u64 {
        self.before.len() as u64 + self.filler + self.after.len() as u64
    }

    /// The pieces in order.
    fn into_pieces(self) -> impl Iterator<Item = Bytes> + Send {
        let cut = self.before.len().div_ceil(PIECES).max(1);
        let before = self.before;
        let starts = (0..before.len()).step_by(cut);
        let reply = starts.map(move |start| before.slice(start..before.len().min(start + cut)));
        let whole = self.filler / FILLER_PIECE as u64;
        let rest = (self.filler % FILLER_PIECE as u64) as usize;
        let filler = (0..whole).map(|_| Bytes::from_static(&FILLER));
        let rest = [
            Bytes::from_static(&FILLER[..rest]),
            Bytes::from_static(self.after),
        ];
        reply
            .chain(filler)
            .chain(rest)
            .filter(|piece| !piece.is_empty())
    }

    /// A body that has every piece ready: the server writes as much as fits at once.
    fn at_once(self) -> Body {
        if self.bytes() == self.before.len() as u64 {
            return Body::from(self.before);
        }
        let pieces = self.into_pieces().map(Ok::<_, std::convert::Infallible>);
        Body::from_stream(stream::iter(pieces))
    }

    /// A body that hands out one piece at a time: each is written before the next one is there.
    fn one_by_one(self) -> Body {
        let pieces = stream::unfold(self.into_pieces(), async |mut pieces| {
            tokio::task::yield_now().await;
            let piece = pieces.next()?;
            Some((Ok::<_, std::convert::Infallible>(piece), pieces))
        });
        Body::from_stream(pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &[u8] = br#"{"method":"GET"}"#;

    fn whole(bytes_min: u64) -> Vec<u8> {
        let pieces = Pieces::new(JSON.to_vec(), bytes_min);
        let length = pieces.bytes();
        let whole = pieces.into_pieces().collect::<Vec<_>>().concat();
        assert_eq!(whole.len() as u64, length);
        whole
    }

    #[test]
    fn filler_brings_the_reply_to_its_length_and_it_stays_json() {
        let length = JSON.len() as u64;
        assert_eq!(whole(0), JSON);
        assert_eq!(whole(length), JSON);
        for more in 1..40 {
            let bytes = whole(length + more);
            // A field takes 13 bytes; below that the reply is a little longer than asked for.
            assert_eq!(bytes.len() as u64, (length + more).max(length + 12));
            assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
        }
        for bytes_min in [65_536, 200_000, 16 * 1024 * 1024] {
            let bytes = whole(bytes_min);
            assert_eq!(bytes.len() as u64, bytes_min);
            assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
        }
    }

    #[test]
    fn a_reply_goes_out_in_several_pieces() {
        let pieces = Pieces::new(JSON.to_vec(), 0);
        assert_eq!(pieces.into_pieces().count(), PIECES);
        let pieces = Pieces::new(JSON.to_vec(), 200_000);
        assert_eq!(pieces.into_pieces().count(), PIECES + 3 + 1 + 1);
    }
}
