//! `/problems/{slug}`: what each problem type means. The `type` of every problem document leads here.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::shell::Shell;

/// A problem type, explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Explained {
    slug: &'static str,
    title: &'static str,
    status: u16,
    happened: &'static str,
    do_this: &'static str,
}

macro_rules! problem {
    ($slug:literal, $title:literal, $status:ident, $happened:literal, $do_this:literal) => {
        Explained {
            slug: $slug,
            title: $title,
            status: StatusCode::$status.as_u16(),
            happened: $happened,
            do_this: $do_this,
        }
    };
}

/// Every problem type of [`crate::Error`], and those that are said below HTTP.
const ALL: [Explained; 24] = [
    problem!(
        "bad-request",
        "Bad request",
        BAD_REQUEST,
        "The request was understood as HTTP, but not as a request to this endpoint: a parameter is missing, out of its bounds or not of its form.",
        "Read detail: it names the part and what would be right. The API document lists every parameter with its bounds."
    ),
    problem!(
        "not-found",
        "Not found",
        NOT_FOUND,
        "Nothing has this address, or what had it was never there.",
        "Check the spelling. Ids of runs, topics and uploads are case-sensitive."
    ),
    problem!(
        "method-not-allowed",
        "Method not allowed",
        METHOD_NOT_ALLOWED,
        "The address exists; this method does not.",
        "The Allow field of the response lists the methods that do."
    ),
    problem!(
        "forbidden",
        "Forbidden",
        FORBIDDEN,
        "The request would change something and its Origin is not this server’s own. A page of another site must not act here in your name.",
        "Send it from this server’s own pages, or from a program that sends no Origin."
    ),
    problem!(
        "conflict",
        "Conflict",
        CONFLICT,
        "The request does not fit what is there now: another offset, another length, another state.",
        "Ask for the state first and go on from there."
    ),
    problem!(
        "gone",
        "Gone",
        GONE,
        "It was there and is not any more: it expired, was removed, or made room for something newer.",
        "Make it anew. The limits say how long things are kept."
    ),
    problem!(
        "misdirected",
        "Not this server’s name",
        MISDIRECTED_REQUEST,
        "Host is neither an IP address nor localhost nor a name this server was given. A page elsewhere could otherwise reach it by a name that it made up (DNS rebinding).",
        "Use the address the server printed, or start it with --host and the name."
    ),
    problem!(
        "precondition-failed",
        "Precondition failed",
        PRECONDITION_FAILED,
        "A field of the request states a condition that does not hold here.",
        "Read detail: it names the field. An upload needs Tus-Resumable: 1.0.0."
    ),
    problem!(
        "unsupported-media-type",
        "Unsupported media type",
        UNSUPPORTED_MEDIA_TYPE,
        "The body is of a type that this endpoint does not take.",
        "Set Content-Type to one of the types that detail names."
    ),
    problem!(
        "too-large",
        "Too large",
        PAYLOAD_TOO_LARGE,
        "Something is larger than its limit. limit holds the limit, in the unit that detail names.",
        "Send less, or send it in parts where the endpoint takes parts."
    ),
    problem!(
        "out-of-bounds",
        "Beyond a bound",
        BAD_REQUEST,
        "A figure that was asked for lies outside its bounds. limit holds the bound that was passed, in the unit that detail names.",
        "Ask for a figure within the bounds. The page shows them beside each field."
    ),
    problem!(
        "too-many",
        "Too many",
        TOO_MANY_REQUESTS,
        "A cap is reached: so many of these at once and no more. limit holds the cap.",
        "Wait until some have ended, or close some of your own, and try again."
    ),
    problem!(
        "timeout",
        "Too slow",
        REQUEST_TIMEOUT,
        "The request did not arrive in the time that the server gives it, so the server stopped waiting.",
        "Send it again. The deadlines stand in roundtrip --help."
    ),
    problem!(
        "gateway-timeout",
        "Gateway timeout",
        GATEWAY_TIMEOUT,
        "Something between the client and the work gave up waiting. Whether the work goes on, the answer cannot say: here it does.",
        "Let the server answer at once with 202 and an address where the job can be looked at, or ask for less work."
    ),
    problem!(
        "unprocessable",
        "Makes no sense",
        UNPROCESSABLE_ENTITY,
        "The request was read without trouble; what it asks for contradicts itself or what is there.",
        "Read detail: it says which two things do not go together."
    ),
    problem!(
        "unavailable",
        "Not available now",
        SERVICE_UNAVAILABLE,
        "The server is stopping, or has no room for another connection.",
        "Try again in a moment."
    ),
    problem!(
        "storage",
        "The storage cannot take it",
        INSUFFICIENT_STORAGE,
        "The disk is full or cannot be written, or all uploads together have reached their limit.",
        "Remove uploads that are no longer needed, or start the server with a --data-dir that has room."
    ),
    Explained {
        slug: "checksum-mismatch",
        title: "Checksum mismatch",
        status: 460,
        happened: "The bytes of a piece are not those that its Upload-Checksum was made of: something changed them on the way. None of them was kept. The status is tus’s own.",
        do_this: "Send the piece again from the same offset.",
    },
    problem!(
        "upgrade-required",
        "WebSocket only",
        UPGRADE_REQUIRED,
        "The address speaks WebSocket, and the request did not ask for it.",
        "Open it with a WebSocket client. Read the same from an endpoint that speaks HTTP: the API document names it."
    ),
    problem!(
        "malformed-request",
        "Malformed request",
        BAD_REQUEST,
        "What arrived is not a request by the grammar of HTTP/1.1, so nobody knows where it ends; the connection closes behind the answer.",
        "Read detail: it says which rule was broken, and where the rule stands. In the request–response lab this may be what you wanted to see."
    ),
    problem!(
        "head-too-large",
        "Head too large",
        REQUEST_HEADER_FIELDS_TOO_LARGE,
        "The request line and the header fields together are larger than the server takes, or there are too many fields.",
        "Send fewer or shorter fields. roundtrip --help names both limits, and the flags that change them."
    ),
    problem!(
        "target-too-long",
        "Target too long",
        URI_TOO_LONG,
        "The path and the query together are longer than the server takes.",
        "Put what is long into the body."
    ),
    problem!(
        "too-many-connections",
        "Too many connections",
        SERVICE_UNAVAILABLE,
        "As many connections are open as the server takes, in all or from one address.",
        "Close some, or try again after the seconds that Retry-After names."
    ),
    problem!(
        "internal",
        "Internal error",
        INTERNAL_SERVER_ERROR,
        "Something failed inside the server. It is our fault, not the request’s.",
        "The server’s log has the cause. Sending the request again may help."
    ),
];

impl Explained {
    /// The problem type with this slug. One that is only a status code's name is explained as that.
    pub(super) fn by_slug(slug: &str) -> Option<Explained> {
        ALL.into_iter()
            .find(|problem| problem.slug == slug)
            .or_else(|| Explained::of_status(slug))
    }

    fn of_status(slug: &str) -> Option<Explained> {
        (400..600)
            .filter_map(|code| StatusCode::from_u16(code).ok())
            .find_map(|status| {
                let title = status.canonical_reason()?;
                (title.to_lowercase().replace(' ', "-") == slug).then_some(Explained {
                    slug: "",
                    title,
                    status: status.as_u16(),
                    happened: "The request was refused before it came to one of this server’s endpoints, with the general status that HTTP has for it (RFC 9110 §15).",
                    do_this: "Read detail: it says what was expected.",
                })
            })
    }
}

/// The document.
pub(super) fn document(problem: Explained) -> Markup {
    Shell {
        title: problem.title,
        description: problem.happened,
        path: "",
        app: None,
        has_rail: false,
        main: html! {
            p.kicker {
                "Problem type"
                @if !problem.slug.is_empty() { " " code { "/problems/" (problem.slug) } }
                ", status " (problem.status)
            }
            h1 { (problem.title) }
            dl.problem-parts {
                dt { "What happened" } dd { (problem.happened) }
                dt { "What to do" } dd { (problem.do_this) }
            }
            p.muted {
                "Errors here are problem documents, "
                a href="https://www.rfc-editor.org/rfc/rfc9457" rel="noreferrer" { "RFC 9457" }
                "; their " code { "detail" } " says what happened that time."
            }
        },
    }
    .document()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    /// One of each. The match makes the compiler ask for the next one.
    fn one_of_each() -> Vec<Error> {
        let words = String::new;
        let all = vec![
            Error::BadRequest(words()),
            Error::NotFound(words()),
            Error::MethodNotAllowed(words()),
            Error::Forbidden(words()),
            Error::Conflict(words()),
            Error::Gone(words()),
            Error::Misdirected(words()),
            Error::PreconditionFailed(words()),
            Error::UnsupportedMediaType(words()),
            Error::TooLarge {
                what: "",
                limit: 1,
                unit: "",
            },
            Error::OutOfBounds {
                what: "",
                value: 2,
                bound: 0..=1,
                unit: "",
            },
            Error::TooMany { what: "", limit: 1 },
            Error::Timeout(words()),
            Error::GatewayTimeout(words()),
            Error::Storage(words()),
            Error::Unprocessable(words()),
            Error::ChecksumMismatch(words()),
            Error::Unavailable(words()),
            Error::UpgradeRequired(words()),
            Error::Internal(anyhow::anyhow!("")),
        ];
        for error in &all {
            match error {
                Error::BadRequest(_)
                | Error::NotFound(_)
                | Error::MethodNotAllowed(_)
                | Error::Forbidden(_)
                | Error::Conflict(_)
                | Error::Gone(_)
                | Error::Misdirected(_)
                | Error::PreconditionFailed(_)
                | Error::UnsupportedMediaType(_)
                | Error::TooLarge { .. }
                | Error::OutOfBounds { .. }
                | Error::TooMany { .. }
                | Error::Timeout(_)
                | Error::GatewayTimeout(_)
                | Error::Storage(_)
                | Error::Unprocessable(_)
                | Error::ChecksumMismatch(_)
                | Error::Unavailable(_)
                | Error::UpgradeRequired(_)
                | Error::Internal(_) => {}
            }
        }
        all
    }

    #[test]
    fn a_status_code_s_name_is_explained_as_that() {
        let explained = Explained::by_slug("length-required").expect("411");
        assert_eq!(explained.status, 411);
        assert_eq!(Explained::by_slug("no-such-problem"), None);
        assert_eq!(Explained::by_slug("ok"), None);
        assert_eq!(Explained::by_slug(""), None);
    }

    #[test]
    fn each_problem_type_is_explained_with_its_title_and_status() {
        let errors = one_of_each();
        for error in errors {
            let problem = error.problem();
            let slug = problem
                .kind
                .strip_prefix("/problems/")
                .expect("a slug below /problems/");
            let explained = Explained::by_slug(slug).unwrap_or_else(|| panic!("{slug}"));
            assert_eq!(explained.status, problem.status, "{slug}");
            assert_eq!(explained.title.replace('’', "'"), problem.title, "{slug}");
        }
    }
}
