//! A page of messages: what a request that asks is answered with.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::{BufMut, Bytes, BytesMut};
use serde::Deserialize;
use utoipa::IntoParams;
use wire::{
    limits::{MESSAGES_LIMIT, MESSAGES_LIMIT_MAX},
    topics::MessageId,
};

use crate::{
    Error, Result,
    topics::{Batch, Budget},
};

/// How many bytes of messages one answer holds at most; `next` says where the rest begins.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// What is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Ask {
    /// The id of the last message seen. Without it: the newest `limit`, or with `wait` what comes from now on.
    pub(crate) after: Option<MessageId>,
    /// How many messages at most. Default 100.
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<u64>,
    /// How long to wait for a message where there is none yet, in seconds.
    #[param(minimum = 0, maximum = 60)]
    pub(crate) wait: Option<u64>,
}

impl Ask {
    /// How many messages at most.
    pub(crate) fn limit(&self) -> Result<usize> {
        match self.limit.map(usize::try_from) {
            None => Ok(MESSAGES_LIMIT),
            Some(Ok(limit)) if (1..=MESSAGES_LIMIT_MAX).contains(&limit) => Ok(limit),
            Some(_) => Err(Error::OutOfBounds {
                what: "limit",
                value: self.limit.unwrap_or(u64::MAX),
                bound: 1..=MESSAGES_LIMIT_MAX as u64,
                unit: "messages",
            }),
        }
    }

    /// The same, with the bytes of a page.
    pub(crate) fn budget(&self) -> Result<Budget> {
        Ok(Budget {
            count: self.limit()?,
            bytes: PAGE_BYTES,
        })
    }
}

/// The answer: [`MessagesPage`](wire::topics::MessagesPage) in JSON, put together from the messages' own encodings.
pub(crate) fn answer(batch: &Batch, next: MessageId) -> Response {
    let json = HeaderValue::from_static("application/json");
    (
        [(header::CONTENT_TYPE, json)],
        Body::from(json_of(batch, next)),
    )
        .into_response()
}

fn json_of(batch: &Batch, next: MessageId) -> Bytes {
    let envelopes: Vec<Bytes> = batch.messages.iter().map(|m| m.json()).collect();
    let size: usize = envelopes.iter().map(|envelope| envelope.len() + 1).sum();
    let mut json = BytesMut::with_capacity(size + 256);
    json.put_slice(b"{\"messages\":[");
    for (place, envelope) in envelopes.iter().enumerate() {
        if place > 0 {
            json.put_u8(b',');
        }
        json.put_slice(envelope);
    }
    json.put_u8(b']');
    if let Some(gap) = &batch.gap {
        json.put_slice(b",\"gap\":");
        json.put_slice(&serde_json::to_vec(gap).unwrap_or_default());
    }
    json.put_slice(format!(",\"next\":\"{next}\"}}").as_bytes());
    json.freeze()
}
