//! Problem documents (RFC 9457), as a test expects them.

/// What identifies a problem document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    status: u16,
    kind: String,
    limit: Option<u64>,
}

impl Problem {
    /// The problem that is expected.
    pub(crate) fn new(status: u16, slug: &str, limit: Option<u64>) -> Problem {
        Problem {
            status,
            kind: format!("/problems/{slug}"),
            limit,
        }
    }

    /// The problem that a response carries.
    pub(crate) async fn of(response: reqwest::Response) -> Problem {
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        let status = response.status().as_u16();
        let problem: wire::Problem = response.json().await.expect("a problem document");
        assert_eq!(problem.status, status);
        Problem {
            status,
            kind: problem.kind,
            limit: problem.limit,
        }
    }
}
