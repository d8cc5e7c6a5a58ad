//! An upload's id.

use std::{fmt, str::FromStr};

/// 128 random bits, made by the server only: whoever knows the id may read and go on with the upload. Written as 32
/// lower-case hex digits, which is all that a file's name is ever made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UploadId(u128);

/// Why a text is not an [`UploadId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnUploadId;

impl UploadId {
    /// Draws a new id.
    pub(super) fn random() -> UploadId {
        UploadId(rand::random())
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for UploadId {
    type Err = NotAnUploadId;

    fn from_str(text: &str) -> Result<Self, NotAnUploadId> {
        let lower_hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != 32 || !lower_hex {
            return Err(NotAnUploadId);
        }
        u128::from_str_radix(text, 16)
            .map(UploadId)
            .map_err(|_| NotAnUploadId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling_and_no_path_in_it() {
        let id = UploadId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in [
            "",
            "..",
            "../../etc/passwd",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdef0",
            "0123456789ABCDEF0123456789abcdef",
            "+123456789abcdef0123456789abcdef",
            "..%2f..%2f..%2f..%2f..%2f..%2fab",
        ] {
            assert_eq!(bad.parse::<UploadId>(), Err(NotAnUploadId), "{bad}");
        }
    }
}
