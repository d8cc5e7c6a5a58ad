//! A piece's checksum: kept beside the file's digest while the piece is written.

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// How a checksum is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-1, which finds accidents, not attacks.
    Sha1,
    /// SHA-256.
    Sha256,
    /// CRC-32C (Castagnoli), its four bytes in network order.
    Crc32c,
}

impl Algorithm {
    /// All of them, the one that costs least last.
    pub const ALL: [Algorithm; 3] = [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Crc32c];

    /// The name in `Upload-Checksum`.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha256 => "sha256",
            Algorithm::Crc32c => "crc32c",
        }
    }

    /// How long its checksums are, in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Crc32c => 4,
        }
    }
}

/// What a client says that a piece's checksum is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// How it is made.
    pub algorithm: Algorithm,
    /// The checksum's bytes.
    pub expected: Vec<u8>,
}

/// Makes the checksum of what comes.
#[derive(Debug)]
pub(super) struct Checker {
    expected: Vec<u8>,
    so_far: SoFar,
}

#[derive(Debug)]
enum SoFar {
    Sha1(Sha1),
    Sha256(Sha256),
    Crc32c(u32),
}

impl Checker {
    pub(super) fn new(checksum: Checksum) -> Checker {
        Checker {
            expected: checksum.expected,
            so_far: match checksum.algorithm {
                Algorithm::Sha1 => SoFar::Sha1(Sha1::new()),
                Algorithm::Sha256 => SoFar::Sha256(Sha256::new()),
                Algorithm::Crc32c => SoFar::Crc32c(0),
            },
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match &mut self.so_far {
            SoFar::Sha1(hasher) => hasher.update(bytes),
            SoFar::Sha256(hasher) => hasher.update(bytes),
            SoFar::Crc32c(crc) => *crc = crc32c::crc32c_append(*crc, bytes),
        }
    }

    /// Is it what was expected?
    pub(super) fn matches(self) -> bool {
        match self.so_far {
            SoFar::Sha1(hasher) => hasher.finalize()[..] == self.expected,
            SoFar::Sha256(hasher) => hasher.finalize()[..] == self.expected,
            SoFar::Crc32c(crc) => crc.to_be_bytes()[..] == self.expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_right(algorithm: Algorithm, expected: &[u8]) -> bool {
        let expected = expected.to_vec();
        let mut checker = Checker::new(Checksum {
            algorithm,
            expected,
        });
        checker.update(b"1234");
        checker.update(b"56789");
        checker.matches()
    }

    #[test]
    fn each_makes_what_its_standard_says() {
        // RFC 3720 appendix B.4 has others; this is the catalogue's check value.
        assert!(is_right(Algorithm::Crc32c, &[0xe3, 0x06, 0x92, 0x83]));
        assert!(!is_right(Algorithm::Crc32c, &[0x83, 0x92, 0x06, 0xe3]));
        let sha1 =
            *b"\xf7\xc3\xbc\x1d\x80\x8e\x04\x73\x2a\xdf\x67\x99\x65\xcc\xc3\x4c\xa7\xae\x34\x41";
        assert!(is_right(Algorithm::Sha1, &sha1));
        assert!(is_right(Algorithm::Sha256, &Sha256::digest(b"123456789")));
        for algorithm in Algorithm::ALL {
            assert!(!is_right(algorithm, &vec![0; algorithm.bytes()]));
        }
    }
}
