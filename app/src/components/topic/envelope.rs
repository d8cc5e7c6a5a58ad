//! A message in its envelope, as far as the page looks into it.

use wire::json::Json;

/// How many bytes were published.
pub fn size(envelope: &Json) -> u64 {
    let length = |name: &str| envelope.get(name).and_then(Json::as_str).map(str::len);
    let base64 = || {
        let text = envelope.get("data_base64")?.as_str()?;
        Some(text.trim_end_matches('=').len() * 3 / 4)
    };
    length("data").or_else(base64).unwrap_or(0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn size(envelope: &serde_json::Value) -> u64 {
        super::size(&Json::parse(&envelope.to_string()).expect("JSON"))
    }

    #[test]
    fn the_size_is_that_of_what_was_published() {
        assert_eq!(size(&json!({"data": "Tee ü"})), 6);
        for (text, bytes) in [
            ("", 0),
            ("AA==", 1),
            ("AAA=", 2),
            ("AAAA", 3),
            ("AAAAAA==", 4),
        ] {
            assert_eq!(size(&json!({"data_base64": text})), bytes, "{text}");
        }
        assert_eq!(size(&json!({})), 0);
    }
}
