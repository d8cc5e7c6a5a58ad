//! What the query asks for, within its bounds.

use axum::{extract::FromRequestParts, http::request::Parts};
use serde::Deserialize;
use utoipa::IntoParams;
use wire::{
    echo::{EchoAsked, Framing, Work},
    limits::{ECHO_BYTES_MAX, ECHO_CPU_MS_MAX, ECHO_DELAY_MS_MAX},
};

use crate::{Error, extract::Query};

/// The query of `/api/echo`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AskedQuery {
    /// How long to work before answering, in milliseconds; at most 5,000 of them computing
    #[serde(default)]
    #[param(minimum = 0, maximum = 30_000, default = 0)]
    delay_ms: u64,
    /// How to spend that time: `wait` holds no thread, `cpu` holds one
    #[serde(default)]
    #[param(inline)]
    work: Work,
    /// The least length of the response's body, in bytes; filler makes up what is missing
    #[serde(default)]
    #[param(minimum = 0, maximum = 16_777_216, default = 0)]
    bytes: u64,
    /// How the response's end is told
    #[serde(default)]
    #[param(inline)]
    framing: Framing,
    /// The status code to answer with. 204, 205 and 304 have no body
    #[serde(default = "ok")]
    #[param(minimum = 200, maximum = 599, default = 200)]
    status: u16,
}

const fn ok() -> u16 {
    200
}

/// What the query asks for, within its bounds.
pub(super) struct Asked(pub(super) EchoAsked);

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Query(query) = Query::<AskedQuery>::from_request_parts(parts, state).await?;
        query.within_bounds().map(Asked)
    }
}

impl AskedQuery {
    fn within_bounds(self) -> Result<EchoAsked, Error> {
        let (delay_what, delay_ms_max) = match self.work {
            Work::Wait => ("delay_ms", ECHO_DELAY_MS_MAX),
            Work::Cpu => ("delay_ms with work=cpu", ECHO_CPU_MS_MAX),
        };
        let bounds = [
            (delay_what, self.delay_ms, 0..=delay_ms_max, "ms"),
            ("bytes", self.bytes, 0..=ECHO_BYTES_MAX, "bytes"),
            ("status", self.status.into(), 200..=599, ""),
        ];
        for (what, value, bound, unit) in bounds {
            if !bound.contains(&value) {
                return Err(Error::OutOfBounds {
                    what,
                    value,
                    bound,
                    unit,
                });
            }
        }
        Ok(EchoAsked {
            delay_ms: self.delay_ms,
            work: self.work,
            bytes: self.bytes,
            framing: self.framing,
            status: self.status,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Problem;

    fn asked(query: &str) -> Result<EchoAsked, Problem> {
        let query: AskedQuery = serde_urlencoded::from_str(query).expect("parses");
        query.within_bounds().map_err(|error| error.problem())
    }

    #[test]
    fn every_bound_holds_at_the_limit_and_one_past_it() {
        let bounds = [
            ("delay_ms=", "", ECHO_DELAY_MS_MAX),
            ("delay_ms=", "&work=cpu", ECHO_CPU_MS_MAX),
            ("bytes=", "", ECHO_BYTES_MAX),
            ("status=", "", 599),
        ];
        for (name, more, limit) in bounds {
            assert!(
                asked(&format!("{name}{limit}{more}")).is_ok(),
                "{name}{more}"
            );
            let problem =
                asked(&format!("{name}{}{more}", limit + 1)).expect_err("one past the limit");
            assert_eq!((problem.status, problem.limit), (400, Some(limit)));
            let detail = problem.detail.expect("says what to do");
            assert!(detail.contains(&limit.to_string()), "{detail}");
        }
        assert!(asked("status=200").is_ok());
        let problem = asked("status=199").expect_err("one below");
        assert_eq!(problem.limit, Some(200));
    }

    #[test]
    fn the_description_states_the_same_bounds() {
        let params = AskedQuery::into_params(|| None);
        let json = serde_json::to_value(params).expect("serializes");
        let maximum = |index: usize| json[index]["schema"]["maximum"].as_u64();
        assert_eq!(maximum(0), Some(ECHO_DELAY_MS_MAX));
        assert_eq!(maximum(2), Some(ECHO_BYTES_MAX));
        assert!(
            json[0]["description"]
                .as_str()
                .is_some_and(|text| text.contains("5,000"))
        );
        assert_eq!(ECHO_CPU_MS_MAX, 5_000);
    }
}
