//! What a document may load, who may embed it, and what may be fetched ahead.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Nothing from elsewhere, nothing inline. `'wasm-unsafe-eval'` lets WebAssembly compile and nothing else;
/// `'self'` covers the WebSockets of the same origin (CSP 3 §6.7.2.8).
pub(super) const CSP: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
     form-action 'self'";

/// Where the speculation rules are served.
pub(super) const SPECULATION_RULES_PATH: &str = "/speculation-rules.json";

/// The documents that a browser may fetch before they are asked for. Only fetch: a lab that ran would open a run.
pub(super) const SPECULATION_RULES: &str = r#"{"prefetch":[{"where":{"or":[{"href_matches":"/"},{"href_matches":"/labs/*"},{"href_matches":"/run"}]},"eagerness":"moderate"}]}"#;

/// Adds the fields that only documents carry; those of every response are added to them like to any other.
pub(super) fn apply(headers: &mut HeaderMap) {
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CSP),
    );
    headers.insert(
        HeaderName::from_static("speculation-rules"),
        HeaderValue::from_static("\"/speculation-rules.json\""),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_inline_and_no_other_host() {
        for forbidden in ["unsafe-inline", "'unsafe-eval'", "http:", "https:", "*"] {
            assert!(!CSP.contains(forbidden), "{forbidden}");
        }
        assert!(CSP.starts_with("default-src 'none'"));
    }

    #[test]
    fn the_speculation_rules_are_json_and_where_the_field_says() {
        serde_json::from_str::<serde_json::Value>(SPECULATION_RULES).expect("JSON");
        let mut headers = HeaderMap::new();
        apply(&mut headers);
        assert_eq!(
            headers["speculation-rules"],
            format!("\"{SPECULATION_RULES_PATH}\"")
        );
    }
}
