//! What came of a request: a reply, or the reason why there is none.

use wire::{Problem, problem::PROBLEM_JSON};

/// A response that came to its end.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// The status code.
    pub(crate) status: u16,
    /// The header fields that the browser shows; names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// When it was complete, on the page's clock.
    pub(crate) ended_ns: i64,
}

impl Reply {
    /// A header field's value; the name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Is the status one of success?
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What the server says went wrong, where it says so in a problem document.
    pub(crate) fn problem(&self) -> Option<Problem> {
        self.header("content-type")
            .filter(|value| value.starts_with(PROBLEM_JSON))
            .and_then(|_| serde_json::from_slice(&self.body).ok())
    }

    /// What went wrong, in words: the problem's own, or the status.
    pub(crate) fn words(&self) -> String {
        match self.problem() {
            Some(problem) => format!(
                "{} ({}). {}",
                problem.title,
                problem.status,
                problem.detail.unwrap_or_default()
            ),
            None => format!("The server answered with status {}.", self.status),
        }
    }
}

/// Why there is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoReply {
    /// The person gave it up.
    Aborted,
    /// The browser says no more than that it failed.
    Network,
}

impl NoReply {
    /// What happened, why, and what to do.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            NoReply::Aborted => "You stopped the request before the response was complete.",
            NoReply::Network => {
                "No response came: the server cannot be reached, or it closed the connection. See whether it runs, then try again."
            }
        }
    }
}
