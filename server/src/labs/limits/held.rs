//! The response that waits for the job; and what happens when nobody waits for the response.

use std::time::Instant;

use axum::{http::StatusCode, response::Response};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wire::{
    jobs::JobState,
    trace::{Kind, Lane},
};

use super::asked::{OnDisconnect, Ordering};
use crate::{Error, Result, connection::Exchange, jobs::Job, trace::Draft};

/// Answers when the job is done, or when the time is over that a gateway would wait.
pub(super) async fn answer(
    mut job: Job,
    exchange: Exchange,
    asked: &Ordering,
    stopping: &CancellationToken,
) -> Result<Response> {
    // When the client's connection is gone, hyper drops this future where it stands, and this with it.
    let mut client = Client {
        exchange,
        job: job.clone(),
        on_disconnect: asked.on_disconnect,
        has_answer: false,
    };
    let over = match asked.patience() {
        Some(patience) => timeout(patience, job.over()).await,
        None => Ok(job.over().await),
    };
    client.has_answer = true;

    match over.map(|standing| standing.state) {
        Ok(JobState::Done) => Ok(super::status(StatusCode::OK, &job)),
        Ok(_) if stopping.is_cancelled() => Err(Error::Unavailable(
            "The server is stopping, and the job with it. Order it again in a moment.".into(),
        )),
        Ok(_) => Err(Error::Conflict(
            "The job was cancelled before it was done. Order it again if you want it.".into(),
        )),
        Err(_) => Err(Error::GatewayTimeout(format!(
            "Nothing had come for {} ms, so whoever stood in between gave up, as a gateway does. The job goes on, and \
             nobody gets its result. Order it with answer=accepted instead.",
            asked.timeout_ms
        ))),
    }
}

/// The one who waits for the answer.
struct Client {
    exchange: Exchange,
    job: Job,
    on_disconnect: OnDisconnect,
    has_answer: bool,
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.has_answer {
            return;
        }
        let does = match self.on_disconnect {
            OnDisconnect::Ignore => "the client is gone; the job goes on",
            OnDisconnect::Cancel => "the client is gone; the job is cancelled",
        };
        self.exchange.emit(|| {
            Draft::new(Lane::HANDLER, Kind::Noticed, Instant::now())
                .with(|detail| detail.summary = Some(does.to_owned()))
        });
        if self.on_disconnect == OnDisconnect::Cancel {
            self.job.cancel();
        }
    }
}
