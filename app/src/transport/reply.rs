//! What came of a request: a reply, or the reason why there is none.

use wire::{json::Json, problem::PROBLEM_JSON};

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

    /// The body as JSON, where it is some.
    pub(crate) fn json(&self) -> Option<Json> {
        Json::parse(std::str::from_utf8(&self.body).ok()?).ok()
    }

    /// What the server says went wrong, where it says so in a problem document: its title, and its detail.
    pub(crate) fn problem(&self) -> Option<(String, String)> {
        self.header("content-type")
            .filter(|value| value.starts_with(PROBLEM_JSON))?;
        let problem = self.json()?;
        let text = |name: &str| Some(problem.get(name)?.as_str()?.to_owned());
        Some((
            format!("{} ({})", text("title")?, self.status),
            text("detail").unwrap_or_default(),
        ))
    }

    /// What went wrong, in words: the problem's own, or the status.
    pub(crate) fn words(&self) -> String {
        match self.problem() {
            Some((title, detail)) => format!("{title}. {detail}"),
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
