//! How long a client wants its answer to be held: `?wait=`, or `Prefer: wait=` (RFC 7240 §4.3).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::{Error, Result};

/// A wait that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    seconds: u64,
    /// `Prefer` said so, and the answer says that it was followed.
    preferred: bool,
}

impl Wait {
    /// What the query asks for, or else `Prefer`; none where nobody wants to wait.
    pub(super) fn asked(
        query: Option<u64>,
        headers: &HeaderMap,
        most: u64,
    ) -> Result<Option<Wait>> {
        let wait = Wait {
            seconds: query.or_else(|| preferred(headers)).unwrap_or(0),
            preferred: query.is_none(),
        };
        if wait.seconds > most {
            return Err(Error::OutOfBounds {
                what: "wait",
                value: wait.seconds,
                bound: 0..=most,
                unit: "seconds",
            });
        }
        Ok((wait.seconds > 0).then_some(wait))
    }

    /// How long it is at most.
    pub(super) fn longest(self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// Says in the answer that a preference was followed, where there was one.
    pub(super) fn say_applied(self, fields: &mut HeaderMap) -> Result<()> {
        if self.preferred {
            let applied = HeaderValue::try_from(format!("wait={}", self.seconds));
            let applied = applied.map_err(|cause| Error::Internal(cause.into()))?;
            fields.insert(HeaderName::from_static("preference-applied"), applied);
        }
        Ok(())
    }
}

/// The `wait` of `Prefer`. A preference that cannot be read is none (RFC 7240 §2).
fn preferred(headers: &HeaderMap) -> Option<u64> {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|preference| {
            let (name, value) = preference.split(';').next()?.split_once('=')?;
            name.trim()
                .eq_ignore_ascii_case("wait")
                .then(|| value.trim().trim_matches('"').parse().ok())?
        })
}
