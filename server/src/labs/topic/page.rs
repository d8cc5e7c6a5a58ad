//! A page of messages: what a request that asks is answered with.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
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

/// How many bytes of messages, as they are encoded, one answer holds at most; `next` says where the rest begins.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Up to how many bytes are put together into one piece. What is larger leaves as it is.
const PIECE_BYTES: usize = 16 * 1024;

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
        Body::new(Json::of(batch, next)),
    )
        .into_response()
}

/// The page on its way. The messages are shared with all who read them: a client that does not read holds up no copy.
struct Json {
    pieces: VecDeque<Bytes>,
    /// How many bytes they are together.
    left: u64,
}

impl Json {
    fn of(batch: &Batch, next: MessageId) -> Json {
        let mut pieces = VecDeque::with_capacity(2 * batch.messages.len() + 2);
        pieces.push_back(Bytes::from_static(b"{\"messages\":["));
        for (place, message) in batch.messages.iter().enumerate() {
            if place > 0 {
                pieces.push_back(Bytes::from_static(b","));
            }
            pieces.push_back(message.json());
        }
        let mut end = vec![b']'];
        if let Some(gap) = &batch.gap {
            end.extend_from_slice(b",\"gap\":");
            end.extend_from_slice(&serde_json::to_vec(gap).unwrap_or_default());
        }
        end.extend_from_slice(format!(",\"next\":\"{next}\"}}").as_bytes());
        pieces.push_back(end.into());
        let left = pieces.iter().map(|piece| piece.len() as u64).sum();
        Json { pieces, left }
    }

    /// The next piece to send: several small ones leave as one.
    fn next(&mut self) -> Option<Bytes> {
        let mut len = 0;
        let fitting = self.pieces.iter().take_while(|piece| {
            len += piece.len();
            len <= PIECE_BYTES
        });
        let piece = match fitting.count() {
            0 | 1 => self.pieces.pop_front()?,
            count => {
                let mut piece = BytesMut::with_capacity(PIECE_BYTES);
                for small in self.pieces.drain(..count) {
                    piece.extend_from_slice(&small);
                }
                piece.freeze()
            }
        };
        self.left -= piece.len() as u64;
        Some(piece)
    }
}

impl http_body::Body for Json {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.get_mut().next();
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use wire::topics::MessagesPage;

    use super::*;
    use crate::topics::{Hub, Limits, NewMessage, Page, Start, Topics};

    /// The page that a topic with these messages answers.
    async fn page(payloads: impl IntoIterator<Item = Vec<u8>>) -> Page {
        let topics = Topics::new(Limits::default());
        for payload in payloads {
            let new = NewMessage {
                content_type: "text/plain".into(),
                payload: payload.into(),
            };
            topics.publish("t", new, None).await.expect("published");
        }
        let budget = Budget {
            count: MESSAGES_LIMIT_MAX,
            bytes: PAGE_BYTES,
        };
        let start = Start::Newest(MESSAGES_LIMIT_MAX);
        topics.read("t", start, budget).await.expect("read")
    }

    #[tokio::test]
    async fn large_messages_leave_as_the_memory_that_all_share_and_small_ones_together() {
        let small = (0..500).map(|n| n.to_string().into_bytes());
        let page = page(small.chain([vec![b'x'; 64 * 1024]])).await;
        let mut json = Json::of(&page.batch, page.next);
        let whole = json.left;
        let pieces: Vec<Bytes> = std::iter::from_fn(|| json.next()).collect();
        let large = page.batch.messages.last().expect("the large one").json();
        assert!(pieces.iter().any(|piece| piece.as_ptr() == large.as_ptr()));
        assert!(pieces.len() < 12, "{}", pieces.len());
        let all = pieces.concat();
        assert_eq!((all.len() as u64, json.left), (whole, 0));
        let read: MessagesPage = serde_json::from_slice(&all).expect("a page");
        assert_eq!(read.messages.len(), 501);
        assert_eq!(read.next, page.next);
    }

    #[tokio::test]
    async fn a_page_is_bounded_as_it_is_encoded() {
        let page = page(vec![vec![0; 64 * 1024]; 60]).await;
        let json = Json::of(&page.batch, page.next);
        // Each is six times as long in JSON.
        assert_eq!(page.batch.messages.len(), 10);
        assert!(json.left <= PAGE_BYTES as u64 + 256, "{}", json.left);
    }
}
