//! What a body says in the format that its `Content-Type` promises.

use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use futures_util::stream;
use quick_xml::{
    Reader, XmlVersion,
    events::{BytesStart, Event},
};
use wire::echo::{EchoBody, EchoPart};

/// How many fields of a form, or parts of a multipart body, are mirrored: a body of a million `&` would become a
/// million pairs.
const FIELDS_MAX: usize = 1_000;
/// A part is shown as text up to this many bytes.
const PART_TEXT_MAX: usize = 4 * 1024;
/// Bytes of no known format are shown in hex up to this many.
const HEX_MAX: usize = 256;

/// Parses the body as its `Content-Type` says. Where the bytes are not in that format, says where.
pub(super) async fn parse(headers: &HeaderMap, bytes: &Bytes) -> EchoBody {
    if bytes.is_empty() {
        return EchoBody::Nothing;
    }
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let encoded = headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded {
        return as_hex(bytes);
    }
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => json(bytes),
        json_like if json_like.ends_with("+json") => json(bytes),
        "application/x-www-form-urlencoded" => form(bytes),
        "multipart/form-data" => multipart(content_type, bytes).await,
        "application/xml" | "text/xml" => xml(bytes),
        xml_like if xml_like.ends_with("+xml") => xml(bytes),
        text_like if text_like.starts_with("text/") && is_utf8_promised(content_type) => {
            match utf8(bytes) {
                Ok(text) => EchoBody::Text { text: text.into() },
                Err(why) => broken(&essence, why),
            }
        }
        _ => as_hex(bytes),
    }
}

fn broken(format: &str, why: impl ToString) -> EchoBody {
    EchoBody::Broken {
        format: format.to_owned(),
        why: why.to_string(),
    }
}

fn as_hex(bytes: &[u8]) -> EchoBody {
    let hex = bytes.iter().take(HEX_MAX).map(|byte| format!("{byte:02x}"));
    EchoBody::Bytes { hex: hex.collect() }
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes)
        .map_err(|error| format!("byte {} begins no UTF-8 sequence", error.valid_up_to()))
}

/// Is the text said to be UTF-8, or is nothing said?
fn is_utf8_promised(content_type: &str) -> bool {
    content_type
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .is_none_or(|(_, charset)| {
            let charset = charset.trim().trim_matches('"');
            ["utf-8", "utf8", "us-ascii"]
                .iter()
                .any(|name| charset.eq_ignore_ascii_case(name))
        })
}

fn json(bytes: &[u8]) -> EchoBody {
    match serde_json::from_slice(bytes) {
        Ok(value) => EchoBody::Json { value },
        // serde_json's words end with line and column.
        Err(error) => broken("application/json", error),
    }
}

/// The URL Standard's parser never fails: what is not an escape stays as it is.
fn form(bytes: &[u8]) -> EchoBody {
    let fields: Vec<(String, String)> = form_urlencoded::parse(bytes)
        .take(FIELDS_MAX + 1)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    if fields.len() > FIELDS_MAX {
        let why = format!("more than {FIELDS_MAX} fields");
        return broken("application/x-www-form-urlencoded", why);
    }
    EchoBody::Form { fields }
}

async fn multipart(content_type: &str, bytes: &Bytes) -> EchoBody {
    const FORMAT: &str = "multipart/form-data";
    let boundary = match multer::parse_boundary(content_type) {
        Ok(boundary) => boundary,
        Err(error) => return broken(FORMAT, format!("Content-Type: {error}")),
    };
    let whole = stream::iter([Ok::<_, std::convert::Infallible>(bytes.clone())]);
    let mut multipart = multer::Multipart::new(whole, boundary);
    let mut parts = Vec::new();
    loop {
        let at_part = |error| broken(FORMAT, format!("part {}: {error}", parts.len() + 1));
        let field = match multipart.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => return EchoBody::Multipart { parts },
            Err(error) => return at_part(error),
        };
        if parts.len() >= FIELDS_MAX {
            return broken(FORMAT, format!("more than {FIELDS_MAX} parts"));
        }
        let mut part = EchoPart {
            name: field.name().unwrap_or_default().to_owned(),
            file_name: field.file_name().map(str::to_owned),
            content_type: field.content_type().map(ToString::to_string),
            bytes: 0,
            text: None,
        };
        match field.bytes().await {
            Ok(bytes) => {
                part.bytes = bytes.len() as u64;
                part.text = std::str::from_utf8(&bytes)
                    .ok()
                    .filter(|text| text.len() <= PART_TEXT_MAX)
                    .map(str::to_owned);
                parts.push(part);
            }
            Err(error) => return at_part(error),
        }
    }
}

/// Well-formed XML 1.0. A document type declaration is refused: entities that it defines can grow without bound or
/// name files (CWE-776, CWE-611).
fn xml(bytes: &[u8]) -> EchoBody {
    match utf8(bytes).and_then(read_xml) {
        Ok((root, elements)) => EchoBody::Xml { root, elements },
        Err(why) => broken("application/xml", why),
    }
}

/// The root element's name, and how many elements there are.
fn read_xml(text: &str) -> Result<(String, u64), String> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut root: Option<String> = None;
    let mut depth = 0_u64;
    let mut elements = 0_u64;
    loop {
        let event = reader
            .read_event()
            .map_err(|error| format!("{error} (byte {})", reader.error_position()))?;
        let here = |what: &str| format!("{what} (byte {})", reader.buffer_position());
        match event {
            Event::Start(element) | Event::Empty(element) if depth == 0 && root.is_some() => {
                let name = element.name();
                return Err(here(&format!("a second root element, {}", name.as_ref())));
            }
            Event::Start(element) => {
                check_attributes(&element).map_err(|why| here(&why))?;
                root.get_or_insert_with(|| element.name().as_ref().to_owned());
                depth += 1;
                elements += 1;
            }
            Event::Empty(element) => {
                check_attributes(&element).map_err(|why| here(&why))?;
                root.get_or_insert_with(|| element.name().as_ref().to_owned());
                elements += 1;
            }
            // The reader has checked that it ends the element that is open.
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::DocType(_) => {
                return Err(here(
                    "a document type declaration, which this server refuses",
                ));
            }
            Event::GeneralRef(reference) => {
                check_reference(&reference.xml10_content()).map_err(|why| here(&why))?
            }
            Event::Text(text) if depth == 0 && !text.xml10_content().trim().is_empty() => {
                return Err(here("text outside the root element"));
            }
            Event::CData(_) if depth == 0 => {
                return Err(here("a CDATA section outside the root element"));
            }
            Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_) => {}
            Event::Eof if depth > 0 => {
                return Err(here("the end comes before the root element is closed"));
            }
            Event::Eof => {
                let root = root.ok_or_else(|| here("there is no element"))?;
                return Ok((root, elements));
            }
        }
    }
}

fn check_attributes(element: &BytesStart<'_>) -> Result<(), String> {
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Without a document type only the five entities of XML itself exist, and characters by number.
fn check_reference(name: &str) -> Result<(), String> {
    let by_number = name.strip_prefix('#').map(|number| {
        let code = match number.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        };
        code.and_then(char::from_u32).is_some()
    });
    match by_number {
        Some(true) => Ok(()),
        None if matches!(name, "lt" | "gt" | "amp" | "apos" | "quot") => Ok(()),
        _ => Err(format!("the entity &{name}; is not defined")),
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
