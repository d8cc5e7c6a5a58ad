//! What a tus client says of a file when it creates an upload: its length, and `Upload-Metadata`.

use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};
use wire::limits::UPLOAD_METADATA_MAX;

use super::{
    fields::{self, Concat, UPLOAD_DEFER_LENGTH, UPLOAD_LENGTH, UPLOAD_METADATA},
    form::bounded,
};
use crate::{
    Error, Result,
    uploads::{Declared, Role, UploadId},
};

/// What a client wants to create.
#[derive(Debug, Clone)]
pub(super) struct Creation {
    pub(super) declared: Declared,
    /// The parts that it is joined from; empty where its bytes are sent.
    pub(super) parts: Vec<UploadId>,
}

/// Reads `Upload-Length` or `Upload-Defer-Length`, `Upload-Concat`, and `Upload-Metadata`.
pub(super) fn creation(headers: &HeaderMap) -> Result<Creation> {
    let (role, parts) = match fields::concat(headers)? {
        None => (Role::Pieces, Vec::new()),
        Some(Concat::Partial) => (Role::Part, Vec::new()),
        Some(Concat::Final { parts, said }) => (Role::Joined(said), parts),
    };
    let length = length(headers, !parts.is_empty())?;
    let (metadata, file_name) = metadata(headers)?;
    let declared = Declared {
        length,
        file_name,
        metadata,
        role,
        from: None,
    };
    Ok(Creation { declared, parts })
}

fn length(headers: &HeaderMap, is_joined: bool) -> Result<Option<u64>> {
    let length = fields::number(headers, &UPLOAD_LENGTH)?;
    let deferred = headers.get(UPLOAD_DEFER_LENGTH).map(|value| value == "1");
    match (length, deferred, is_joined) {
        (_, Some(false), _) => Err(wrong("Upload-Defer-Length is 1 or is not sent.")),
        (None, None, true) => Ok(None),
        (_, _, true) => Err(wrong(
            "The length of what is joined is that of its parts: send neither Upload-Length nor Upload-Defer-Length.",
        )),
        (Some(_), None, _) | (None, Some(true), _) => Ok(length),
        _ => Err(wrong(
            "Say the file's length in Upload-Length, or that it comes later with Upload-Defer-Length: 1.",
        )),
    }
}

/// `Upload-Metadata` as it came, and the file's name in it.
fn metadata(headers: &HeaderMap) -> Result<(Option<String>, Option<String>)> {
    let metadata = match headers.get(UPLOAD_METADATA) {
        None => None,
        Some(value) if value.len() > UPLOAD_METADATA_MAX => {
            return Err(Error::BadRequest(format!(
                "Upload-Metadata has at most {UPLOAD_METADATA_MAX} bytes."
            )));
        }
        Some(value) => Some(value.to_str().map_err(|_| wrong(METADATA))?.to_owned()),
    };
    let pairs = pairs(metadata.as_deref().unwrap_or_default())?;
    // "filename" is what most clients send; Uppy calls it "name".
    let file_name = ["filename", "name"].iter().find_map(|wanted| {
        let (_, value) = pairs.iter().find(|(key, _)| key == wanted)?;
        std::str::from_utf8(value).ok().map(bounded)
    });
    Ok((metadata, file_name))
}

const METADATA: &str = "Upload-Metadata is pairs of a key and a value in base64, separated by a space; commas between the pairs.";

/// The pairs of `Upload-Metadata`.
fn pairs(metadata: &str) -> Result<Vec<(&str, Vec<u8>)>> {
    if metadata.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut pairs: Vec<(&str, Vec<u8>)> = Vec::new();
    for pair in metadata.split(',') {
        let (key, value) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
        let value = STANDARD.decode(value.trim()).map_err(|_| wrong(METADATA))?;
        if key.is_empty() || pairs.iter().any(|(other, _)| *other == key) {
            return Err(wrong(METADATA));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

fn wrong(what: &str) -> Error {
    Error::BadRequest(what.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(fields: &[(&'static str, &str)]) -> Result<Declared> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        creation(&headers).map(|creation| creation.declared)
    }

    #[test]
    fn the_length_is_said_or_deferred() {
        assert_eq!(
            read(&[("upload-length", "7")]).ok().and_then(|d| d.length),
            Some(7)
        );
        let deferred = read(&[("upload-defer-length", "1")]).expect("it may come later");
        assert_eq!(deferred.length, None);
        for wrong in [
            &[][..],
            &[("upload-length", "-1")],
            &[("upload-length", "+1")],
            &[("upload-length", "1.5")],
            &[("upload-length", "99999999999999999999")],
            &[("upload-defer-length", "2")],
            &[("upload-length", "7"), ("upload-defer-length", "1")],
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_name_is_read_and_bounded() {
        let name = |metadata: &str| {
            read(&[("upload-length", "7"), ("upload-metadata", metadata)])
                .map(|declared| declared.file_name)
        };
        assert_eq!(
            name("filename Y2F0LmpwZw==").ok(),
            Some(Some("cat.jpg".into()))
        );
        assert_eq!(
            name("empty,name ZG9n, filename Y2F0").ok(),
            Some(Some("cat".into()))
        );
        assert_eq!(name("name ZG9n").ok(), Some(Some("dog".into())));
        assert_eq!(name("filename /w==").ok(), Some(None), "no UTF-8");
        let long = format!("filename {}", STANDARD.encode("x".repeat(400)));
        assert_eq!(name(&long).ok().flatten().map(|name| name.len()), Some(255));
        assert!(name("filename not-base64!").is_err());
        assert!(name("filename Y2F0,filename Y2F0").is_err());
        assert!(name(",").is_err());
        assert!(name(&"x".repeat(UPLOAD_METADATA_MAX)).is_ok());
        assert!(name(&"x".repeat(UPLOAD_METADATA_MAX + 1)).is_err());
    }

    #[test]
    fn what_is_joined_has_no_length_of_its_own() {
        let joined = (
            "upload-concat",
            "final;/files/0123456789abcdef0123456789abcdef",
        );
        let declared = read(&[joined]).expect("joined");
        assert_eq!(declared.role, Role::Joined(joined.1.into()));
        assert!(read(&[joined, ("upload-length", "7")]).is_err());
        assert!(read(&[joined, ("upload-defer-length", "1")]).is_err());
        let partial = ("upload-concat", "partial");
        let part = read(&[partial, ("upload-length", "7")]).expect("a part");
        assert_eq!(part.role, Role::Part);
        assert!(read(&[partial]).is_err());
    }

    proptest! {
        #[test]
        fn any_name_comes_back(name in "\\PC{1,40}") {
            let metadata = format!("filename {},filetype", STANDARD.encode(&name));
            let declared = read(&[("upload-length", "7"), ("upload-metadata", &metadata)]);
            prop_assert_eq!(declared.ok().and_then(|declared| declared.file_name), Some(name));
        }

        #[test]
        fn no_metadata_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut headers = HeaderMap::new();
            headers.insert(UPLOAD_LENGTH, HeaderValue::from_static("7"));
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.insert(UPLOAD_METADATA, value);
                let _ = creation(&headers);
            }
        }

        #[test]
        fn what_looks_like_metadata_is_read_with_no_key_twice(
            metadata in "([a-c]{0,1} ?[A-Za-z0-9+/=]{0,4},?){0,6}",
        ) {
            if let Ok(pairs) = pairs(&metadata) {
                let keys: std::collections::HashSet<_> = pairs.iter().map(|(key, _)| key).collect();
                prop_assert_eq!(keys.len(), pairs.len());
                prop_assert!(!keys.contains(&""));
            }
        }
    }
}
