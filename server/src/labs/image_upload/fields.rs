//! The header fields of tus that need reading: `Upload-Checksum`, `Upload-Concat`, and whole numbers.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::{Engine, engine::general_purpose::STANDARD};
use wire::{images::TUS_PATH, limits::UPLOAD_PARTS_MAX};

use crate::{
    Error, Result,
    uploads::{Algorithm, Checksum, UploadId},
};

pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(super) const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
pub(super) const UPLOAD_CONCAT: HeaderName = HeaderName::from_static("upload-concat");

/// How long the URL of a part may be, in bytes.
const PART_URL_MAX: usize = 512;

/// A header field that is a number, where it is sent.
pub(super) fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .map(Some)
        .ok_or_else(|| {
            Error::BadRequest(format!("{name} is a whole number of bytes, not below 0."))
        })
}

/// `Upload-Checksum`, where it is sent: the algorithm, and the checksum in base64.
pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>> {
    headers.get(UPLOAD_CHECKSUM).map(read_checksum).transpose()
}

fn read_checksum(value: &HeaderValue) -> Result<Checksum> {
    let wrong = || {
        let names = Algorithm::ALL.map(Algorithm::name).join(", ");
        Error::BadRequest(format!(
            "Upload-Checksum is the name of an algorithm ({names}), a space, and the checksum in base64."
        ))
    };
    let (name, checksum) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or_else(wrong)?;
    let algorithm = Algorithm::ALL
        .into_iter()
        .find(|algorithm| algorithm.name() == name)
        .ok_or_else(wrong)?;
    let expected = STANDARD.decode(checksum).map_err(|_| wrong())?;
    if expected.len() != algorithm.bytes() {
        return Err(wrong());
    }
    Ok(Checksum {
        algorithm,
        expected,
    })
}

/// What `Upload-Concat` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Concat {
    /// The upload is a part.
    Partial,
    /// The upload is joined from these.
    Final {
        /// The parts, in their order.
        parts: Vec<UploadId>,
        /// The field as it came.
        said: String,
    },
}

/// `Upload-Concat`, where it is sent: `partial`, or `final;` and the URLs of the parts with spaces between them.
pub(super) fn concat(headers: &HeaderMap) -> Result<Option<Concat>> {
    headers.get(UPLOAD_CONCAT).map(read_concat).transpose()
}

fn read_concat(value: &HeaderValue) -> Result<Concat> {
    let wrong = || {
        Error::BadRequest(format!(
            "Upload-Concat is partial, or final; and the URLs of 1 to {UPLOAD_PARTS_MAX} parts with spaces between them."
        ))
    };
    let said = value.to_str().map_err(|_| wrong())?;
    if said == "partial" {
        return Ok(Concat::Partial);
    }
    let urls = said.strip_prefix("final;").ok_or_else(wrong)?;
    let urls: Vec<&str> = urls
        .split_ascii_whitespace()
        .take(UPLOAD_PARTS_MAX + 1)
        .collect();
    if urls.is_empty() || urls.len() > UPLOAD_PARTS_MAX {
        return Err(wrong());
    }
    let parts = urls.into_iter().zip(1..).map(|(url, number)| {
        part(url).ok_or_else(|| {
            Error::BadRequest(format!(
                "Number {number} of the URLs in Upload-Concat is none of an upload on this server."
            ))
        })
    });
    Ok(Concat::Final {
        parts: parts.collect::<Result<_>>()?,
        said: said.to_owned(),
    })
}

/// The upload that a URL, or the path of one, names. Nothing is ever fetched from it, and no path made of it.
fn part(url: &str) -> Option<UploadId> {
    if url.len() > PART_URL_MAX {
        return None;
    }
    let path = match url.split_once("://") {
        Some(("http" | "https", rest)) => &rest[rest.find('/')?..],
        Some(_) => return None,
        None => url,
    };
    path.strip_prefix(TUS_PATH)?.strip_prefix('/')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn value(text: &str) -> HeaderValue {
        HeaderValue::from_str(text).expect("a value")
    }

    #[test]
    fn a_checksum_is_an_algorithm_and_as_many_bytes_as_it_makes() {
        let read = |text: &str| read_checksum(&value(text)).ok();
        assert_eq!(
            read("crc32c 4waSgw=="),
            Some(Checksum {
                algorithm: Algorithm::Crc32c,
                expected: vec![0xe3, 0x06, 0x92, 0x83],
            })
        );
        let sha1 = read("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=").expect("20 bytes");
        assert_eq!(sha1.algorithm, Algorithm::Sha1);
        for wrong in [
            "",
            "sha1",
            "sha1 ",
            "sha1  Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
            "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
            "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0",
            "sha1 4waSgw==",
            "md5 1B2M2Y8AsgTpgAmY7PhCfg==",
            "crc32c 4waSgw== x",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn parts_are_uploads_of_this_server_and_nothing_else() {
        let id: UploadId = ID.parse().expect("an id");
        let read = |text: &str| read_concat(&value(text)).ok();
        assert_eq!(read("partial"), Some(Concat::Partial));
        for said in [
            format!("final;/files/{ID}"),
            format!("final; /files/{ID}"),
            format!("final;http://example.com:3000/files/{ID}"),
            format!("final;https://example.com/files/{ID} "),
        ] {
            let parts = vec![id];
            assert_eq!(read(&said), Some(Concat::Final { parts, said }));
        }
        let twice = read(&format!("final;/files/{ID} /files/{ID}"));
        assert!(matches!(twice, Some(Concat::Final { parts, .. }) if parts == [id, id]));
        for wrong in [
            "",
            "Partial",
            "final",
            "final;",
            "final; ",
            "partial;/files/0123456789abcdef0123456789abcdef",
            "final;/files/../etc/passwd",
            "final;/files/..%2Fetc%2Fpasswd",
            "final;files/0123456789abcdef0123456789abcdef",
            "final;/files/0123456789abcdef0123456789abcdef/",
            "final;/files/0123456789abcdef0123456789abcdef?x",
            "final;/files/0123456789ABCDEF0123456789ABCDEF",
            "final;/other/0123456789abcdef0123456789abcdef",
            "final;file:///files/0123456789abcdef0123456789abcdef",
            "final;http://example.com",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        let many = |count| format!("final;{}", vec![format!("/files/{ID}"); count].join(" "));
        assert!(read(&many(UPLOAD_PARTS_MAX)).is_some());
        assert!(read(&many(UPLOAD_PARTS_MAX + 1)).is_none());
    }

    proptest! {
        #[test]
        fn any_number_is_read_as_it_is_written(number: u64) {
            let mut headers = HeaderMap::new();
            headers.insert(UPLOAD_OFFSET, number.into());
            prop_assert_eq!(super::number(&headers, &UPLOAD_OFFSET).ok().flatten(), Some(number));
        }

        #[test]
        fn what_is_no_number_of_digits_is_refused(text in "[ -~]{0,24}") {
            let mut headers = HeaderMap::new();
            headers.insert(UPLOAD_OFFSET, value(&text));
            let read = super::number(&headers, &UPLOAD_OFFSET);
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            prop_assert_eq!(read.is_ok(), digits && text.parse::<u64>().is_ok());
        }

        #[test]
        fn any_checksum_comes_back(
            at in 0usize..3,
            bytes in prop::collection::vec(any::<u8>(), 32),
        ) {
            let algorithm = Algorithm::ALL[at];
            let expected = bytes[..algorithm.bytes()].to_vec();
            let said = format!("{} {}", algorithm.name(), STANDARD.encode(&expected));
            let read = read_checksum(&value(&said)).ok();
            prop_assert_eq!(read, Some(Checksum { algorithm, expected }));
        }

        #[test]
        fn no_field_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let _ = read_checksum(&value);
                let _ = read_concat(&value);
                let mut headers = HeaderMap::new();
                headers.insert(UPLOAD_OFFSET, value);
                let _ = super::number(&headers, &UPLOAD_OFFSET);
            }
        }

        #[test]
        fn what_looks_like_a_list_of_parts_is_read_or_refused(
            said in "(final; ?|partial|final)((https?://[a-z.]{1,9})?/files/[0-9a-fA-F]{31,33} ?){0,4}",
        ) {
            if let Ok(Concat::Final { parts, said: kept }) = read_concat(&value(&said)) {
                prop_assert_eq!(&kept, &said);
                prop_assert!(parts.iter().all(|part| said.contains(&part.to_string())));
            }
        }
    }
}
