//! How a piece of a stream is framed: as a chunk (RFC 9112 §7.1).

use std::io::Write;

use bytes::Bytes;

/// The chunk that ends the body.
pub(super) const LAST: Bytes = Bytes::from_static(b"0\r\n\r\n");

/// Frames pieces, those that many streams share once.
#[derive(Default)]
pub(super) struct Chunks {
    /// The last piece: as long as it is held, nothing else is at its place in memory.
    piece: Bytes,
    chunk: Bytes,
}

impl Chunks {
    /// A piece, which is not empty, as a chunk.
    pub(super) fn framed(&mut self, piece: &Bytes) -> Bytes {
        let same = piece.as_ptr() == self.piece.as_ptr() && piece.len() == self.piece.len();
        if !same {
            self.chunk = chunk(piece);
            self.piece = piece.clone();
        }
        self.chunk.clone()
    }

    /// Holds nothing any more.
    pub(super) fn clear(&mut self) {
        *self = Chunks::default();
    }
}

fn chunk(piece: &Bytes) -> Bytes {
    const AROUND: usize = 2 * size_of::<usize>() + 4;
    let mut chunk = Vec::with_capacity(piece.len() + AROUND);
    // Into memory it cannot fail.
    let _ = write!(chunk, "{:x}\r\n", piece.len());
    chunk.extend_from_slice(piece);
    chunk.extend_from_slice(b"\r\n");
    chunk.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_that_is_shared_is_framed_once() {
        let mut chunks = Chunks::default();
        let piece = Bytes::from("x".repeat(26));
        let first = chunks.framed(&piece);
        assert_eq!(first, format!("1a\r\n{}\r\n", "x".repeat(26)));
        assert_eq!(chunks.framed(&piece.clone()).as_ptr(), first.as_ptr());
        assert_eq!(chunks.framed(&piece.slice(..1)), "1\r\nx\r\n");
        assert_eq!(chunks.framed(&piece), first);
    }
}
