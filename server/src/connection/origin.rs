//! Who may change something here: this server's own pages, and programs that are no browser.
//!
//! A browser says in `Origin` which page a request comes from (RFC 6454 §7), and in `Sec-Fetch-Site` how that page
//! relates to this server (Fetch Metadata §2.1). Requests that change something, and WebSockets, which no same-origin
//! policy guards, are refused to other sites' pages.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
};

use crate::{Error, Result};

/// Refuses a request that changes state, or opens a WebSocket, for a page of another origin.
pub(super) fn check(request: &Request) -> Result<()> {
    let fields = request.headers();
    if request.method().is_safe() && !opens_websocket(fields) {
        return Ok(());
    }
    let foreign_site = fields
        .get("sec-fetch-site")
        .is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"));
    let foreign_origin = fields
        .get(header::ORIGIN)
        .is_some_and(|origin| !is_own(origin, fields.get(header::HOST)));
    if foreign_site || foreign_origin {
        return Err(Error::Forbidden(
            "A page of another origin may look, but not change anything or open a socket here. Use this server's own \
             pages, or a program that sends no Origin."
                .into(),
        ));
    }
    Ok(())
}

fn opens_websocket(fields: &HeaderMap) -> bool {
    fields
        .get(header::UPGRADE)
        .is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Is this the origin of what `host` serves? The scheme may differ: a proxy may speak TLS for us.
fn is_own(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let (Ok(origin), Some(Ok(host))) = (origin.to_str(), host.map(HeaderValue::to_str)) else {
        return false;
    };
    let (rest, port) = if let Some(rest) = origin.strip_prefix("http://") {
        (rest, ":80")
    } else if let Some(rest) = origin.strip_prefix("https://") {
        (rest, ":443")
    } else {
        return false;
    };
    // An origin leaves its scheme's own port out; a Host may say it.
    let host = host.strip_suffix(port).unwrap_or(host);
    rest.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn checked(method: &str, fields: &[(&str, &str)]) -> Result<()> {
        let mut request = Request::builder()
            .method(method)
            .uri("/")
            .header("host", "localhost:3000");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        check(&request.body(Body::empty()).expect("a request"))
    }

    #[test]
    fn programs_and_our_own_pages_may_change_things() {
        assert!(checked("POST", &[]).is_ok());
        let own = [
            ("origin", "http://localhost:3000"),
            ("sec-fetch-site", "same-origin"),
        ];
        assert!(checked("POST", &own).is_ok());
        assert!(checked("DELETE", &[("sec-fetch-site", "none")]).is_ok());
    }

    #[test]
    fn pages_of_others_may_not() {
        for fields in [
            ("origin", "http://evil.example"),
            ("origin", "http://localhost:8000"),
            ("origin", "http://localhost"),
            ("origin", "null"),
            ("origin", "file://localhost:3000"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let refused = checked("POST", &[fields]);
            assert!(matches!(refused, Err(Error::Forbidden(_))), "{fields:?}");
            assert!(checked("GET", &[fields]).is_ok(), "{fields:?}");
            let refused = checked("GET", &[fields, ("upgrade", "WebSocket")]);
            assert!(matches!(refused, Err(Error::Forbidden(_))), "{fields:?}");
        }
    }

    #[test]
    fn the_schemes_own_port_may_be_said() {
        let own = |origin: &'static str, host: &'static str| {
            is_own(
                &HeaderValue::from_static(origin),
                Some(&HeaderValue::from_static(host)),
            )
        };
        assert!(own("http://class.example", "class.example:80"));
        assert!(own("https://class.example", "class.example"));
        assert!(!own("http://class.example", "class.example:443"));
    }
}
