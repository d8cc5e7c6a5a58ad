//! Whose name a request calls. A page of another site whose name was made to resolve to this server (DNS rebinding)
//! still sends that site's name: such a request is answered with 421 and nothing else.

use std::net::IpAddr;

use axum::{
    extract::Request,
    http::{Version, header, uri::Authority},
};

use crate::{Error, Result};

/// Refuses a request whose `Host`, or the authority of its target, is none of this server's names: an IP literal,
/// `localhost`, or one of `names`.
pub(super) fn check(request: &Request, names: &[String]) -> Result<()> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => {
            return Err(Error::BadRequest(
                "A request has one Host field (RFC 9112 §3.2).".into(),
            ));
        }
        (Some(host), None) => {
            let authority = Authority::try_from(host.as_bytes());
            check_name(authority.ok().as_ref(), names)?;
        }
        // A browser always sends one; a program that speaks HTTP/1.0 need not.
        (None, _) if request.version() <= Version::HTTP_10 => {}
        (None, _)
            if request.uri().authority().is_some() && request.version() > Version::HTTP_11 => {}
        (None, _) => {
            return Err(Error::BadRequest(
                "An HTTP/1.1 request has a Host field (RFC 9112 §3.2).".into(),
            ));
        }
    }
    match request.uri().authority() {
        Some(authority) => check_name(Some(authority), names),
        None => Ok(()),
    }
}

fn check_name(authority: Option<&Authority>, names: &[String]) -> Result<()> {
    if authority.is_some_and(|authority| is_ours(authority, names)) {
        return Ok(());
    }
    let what = "This server answers to IP addresses, to localhost, and to names that were given with --host.";
    Err(Error::Misdirected(what.into()))
}

fn is_ours(authority: &Authority, names: &[String]) -> bool {
    // User information has no place in a Host (RFC 9110 §4.2.4).
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    let literal = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    literal.parse::<IpAddr>().is_ok()
        || host.eq_ignore_ascii_case("localhost")
        || names.iter().any(|name| host.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn checked(target: &str, host: Option<&str>) -> Result<()> {
        let mut request = Request::builder().uri(target);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let request = request.body(Body::empty()).expect("a request");
        check(&request, &["class.example".to_owned()])
    }

    #[test]
    fn our_names_are_taken_with_any_port() {
        for host in [
            "localhost",
            "LOCALHOST:3000",
            "127.0.0.1:3000",
            "192.0.2.7",
            "[::1]:3000",
            "[2001:db8::1]",
            "class.example",
            "Class.Example:80",
        ] {
            assert!(checked("/", Some(host)).is_ok(), "{host}");
        }
    }

    #[test]
    fn other_names_are_misdirected() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost.",
            "a@localhost",
            "",
            "class.example.",
            "::1",
            "local host",
        ] {
            let refused = checked("/", Some(host));
            assert!(matches!(refused, Err(Error::Misdirected(_))), "{host}");
        }
    }

    #[test]
    fn the_target_counts_too() {
        let refused = checked("http://evil.example/", Some("localhost"));
        assert!(matches!(refused, Err(Error::Misdirected(_))));
        assert!(checked("http://localhost/", Some("localhost")).is_ok());
    }

    #[test]
    fn without_a_host_it_is_no_request() {
        assert!(matches!(checked("/", None), Err(Error::BadRequest(_))));
    }
}
