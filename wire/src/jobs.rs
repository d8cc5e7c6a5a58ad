//! `/api/jobs`: work that takes longer than a request should, in the lab on where request–response ends.

use serde::{Deserialize, Serialize};

use crate::echo::Work;

/// The path of the endpoint; a job stands below it, by its id.
pub const JOBS_PATH: &str = "/api/jobs";
/// In how many steps a job is done, whatever its length.
pub const JOB_STEPS: u64 = 20;

/// What is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobOrder {
    /// How long the work takes, in milliseconds; computing at most 30,000 of them.
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 300_000))]
    pub work_ms: u64,
    /// How that time is spent: `wait` holds no thread, `cpu` holds one of a few, and waits until one is free.
    #[serde(default)]
    pub work: Work,
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct JobStatus {
    /// Its id: 16 hex digits. Its address is `/api/jobs/{id}`.
    pub id: String,
    /// Where it has come to.
    pub state: JobState,
    /// How much of it is done, in percent.
    pub progress: u64,
    /// How long it has been worked on, in milliseconds.
    pub worked_ms: u64,
    /// What was ordered.
    #[serde(flatten)]
    pub order: JobOrder,
}

/// Where a job has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It waits for a thread that is free.
    Queued,
    /// It is being worked on.
    Running,
    /// All of it is done.
    Done,
    /// Somebody cancelled it, or the server stopped.
    Cancelled,
}

impl JobState {
    /// Does nothing more happen to it?
    pub const fn is_over(self) -> bool {
        matches!(self, JobState::Done | JobState::Cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_flat_object() {
        let status = JobStatus {
            id: "0123456789abcdef".into(),
            state: JobState::Running,
            progress: 35,
            worked_ms: 1_050,
            order: JobOrder {
                work_ms: 3_000,
                work: Work::Wait,
            },
        };
        let json = serde_json::to_string(&status).expect("serializes");
        assert_eq!(
            json,
            r#"{"id":"0123456789abcdef","state":"running","progress":35,"worked_ms":1050,"work_ms":3000,"work":"wait"}"#
        );
        assert_eq!(serde_json::from_str(&json).ok(), Some(status));
        assert!(JobState::Cancelled.is_over() && !JobState::Queued.is_over());
    }
}
