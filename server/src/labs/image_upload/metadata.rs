//! What a tus client says of a file when it creates an upload: its length, and `Upload-Metadata`.

use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};
use wire::limits::UPLOAD_METADATA_MAX;

use super::form::bounded;
use crate::{Error, Result, uploads::Declared};

/// Reads `Upload-Length` or `Upload-Defer-Length`, and `Upload-Metadata`.
pub(super) fn declared(headers: &HeaderMap) -> Result<Declared> {
    let length = number(headers, "upload-length")?;
    let deferred = headers.get("upload-defer-length").map(|value| value == "1");
    match (length, deferred) {
        (Some(_), None) | (None, Some(true)) => {}
        (_, Some(false)) => return Err(wrong("Upload-Defer-Length is 1 or is not sent.")),
        _ => {
            return Err(wrong(
                "Say the file's length in Upload-Length, or that it comes later with Upload-Defer-Length: 1.",
            ));
        }
    }
    let metadata = match headers.get("upload-metadata") {
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
    Ok(Declared {
        length,
        file_name,
        metadata,
        from: None,
    })
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

/// A header field that is a number, where it is sent.
pub(super) fn number(headers: &HeaderMap, name: &'static str) -> Result<Option<u64>> {
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

fn wrong(what: &str) -> Error {
    Error::BadRequest(what.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(fields: &[(&'static str, &str)]) -> Result<Declared> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        declared(&headers)
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
}
