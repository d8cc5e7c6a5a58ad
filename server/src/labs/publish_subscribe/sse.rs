//! The body of an event stream (HTML Standard, "Server-sent events").

use std::{convert::Infallible, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use tokio::time::timeout;
use wire::{
    limits::{SSE_HEARTBEAT_S, SSE_RETRY_MS},
    topics::{GapNotice, MessageId},
};

use super::delivery;
use crate::{
    connection::Exchange,
    topics::{Batch, Budget, Subscriber, message::block},
};

/// How much goes out in one write at most: what is ready beyond it follows in the next.
const BATCH: Budget = Budget {
    count: 1_000,
    bytes: 256 * 1024,
};

/// A comment (a line that begins with a colon) keeps the connection from looking dead. It is one line, without the empty
/// line that ends a block: some clients make an empty event of a block without data.
const HEARTBEAT: Bytes = Bytes::from_static(b": still here\n");

/// One subscriber's stream. It says in the trace when it begins and when it is dropped, whoever ended it.
struct EventStream {
    subscriber: Subscriber,
    exchange: Exchange,
    /// Nothing has been sent yet: the first block says when to reconnect.
    first: bool,
}

impl Drop for EventStream {
    fn drop(&mut self) {
        delivery::unsubscribed(&self.exchange, &self.subscriber);
    }
}

/// The stream's bytes. All messages that are ready leave in one piece.
pub(super) fn stream(
    subscriber: Subscriber,
    exchange: Exchange,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    delivery::subscribed(&exchange, &subscriber);
    let stream = EventStream {
        subscriber,
        exchange,
        first: true,
    };
    stream::unfold(stream, |mut stream| async move {
        let bytes = stream.next().await?;
        Some((Ok(bytes), stream))
    })
}

impl EventStream {
    /// What to send next; `None` when the topic was ended.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let batch = self.subscriber.take(BATCH);
            if !batch.is_empty() {
                delivery::delivered(&self.exchange, self.subscriber.topic(), &batch);
                return Some(self.encode(&batch));
            }
            if batch.ended {
                return None;
            }
            let silence = Duration::from_secs(SSE_HEARTBEAT_S);
            if timeout(silence, self.subscriber.ready()).await.is_err() {
                return Some(HEARTBEAT);
            }
        }
    }

    fn encode(&mut self, batch: &Batch) -> Bytes {
        let first = std::mem::take(&mut self.first);
        if let (false, None, [message]) = (first, &batch.gap, &batch.messages[..]) {
            return message.event().clone();
        }
        let size: usize = batch.messages.iter().map(|m| m.event().len()).sum();
        let mut out = BytesMut::with_capacity(size + 512);
        if first {
            out.extend_from_slice(format!("retry: {SSE_RETRY_MS}\n").as_bytes());
        }
        if let Some(gap) = &batch.gap {
            // The id is the place before what follows: who reconnects here is not told of the same gap again.
            let place = MessageId {
                offset: gap.next.offset - 1,
                ..gap.next
            };
            let notice = GapNotice { gap: gap.clone() };
            let json = serde_json::to_string(&notice).unwrap_or_default();
            out.extend_from_slice(&block(place, Some("gap"), &json));
        }
        for message in &batch.messages {
            out.extend_from_slice(message.event());
        }
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use tokio::time::Instant;

    use super::*;
    use crate::topics::{Limits, NewMessage, Start, Topics};

    fn publish(topics: &Topics, payload: &'static [u8]) -> MessageId {
        let new = NewMessage {
            content_type: "text/plain".into(),
            payload: Bytes::from_static(payload),
        };
        topics.publish("t", new, None).expect("published").id()
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken_by_a_comment_of_one_line() {
        let topics = Topics::new(Limits::default());
        let subscriber = topics.subscribe("t", Start::Now).expect("subscribed");
        let mut stream = Box::pin(stream(subscriber, Exchange::default()));
        let began = Instant::now();
        for beat in 1..=3 {
            let bytes = stream.next().await.expect("goes on").expect("bytes");
            assert_eq!(bytes, ": still here\n");
            assert_eq!(began.elapsed().as_secs(), beat * SSE_HEARTBEAT_S);
        }
        // The time to reconnect still comes with the first block.
        let id = publish(&topics, b"x");
        let bytes = stream.next().await.expect("goes on").expect("bytes");
        assert_eq!(bytes, format!("retry: 1000\nid: {id}\ndata: x\n\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_leaves_in_one_piece_and_what_is_alone_is_shared() {
        let topics = Topics::new(Limits::default());
        let begin = publish(&topics, b"0");
        let ids = [publish(&topics, b"1"), publish(&topics, b"2")];
        let subscriber = topics
            .subscribe("t", Start::After(begin))
            .expect("subscribed");
        let mut one = Box::pin(stream(subscriber, Exchange::default()));
        let subscriber = topics.subscribe("t", Start::Now).expect("subscribed");
        let mut other = Box::pin(stream(subscriber, Exchange::default()));
        let bytes = one.next().await.expect("goes on").expect("bytes");
        assert_eq!(
            bytes,
            format!(
                "retry: 1000\nid: {}\ndata: 1\n\nid: {}\ndata: 2\n\n",
                ids[0], ids[1]
            )
        );
        publish(&topics, b"3");
        other.next().await;
        one.next().await;
        publish(&topics, b"4");
        let (one, other) = (one.next().await, other.next().await);
        let pointer = |bytes: Option<Result<Bytes, Infallible>>| {
            bytes.expect("goes on").expect("bytes").as_ptr()
        };
        assert_eq!(pointer(one), pointer(other));
    }

    #[tokio::test(start_paused = true)]
    async fn the_stream_ends_with_its_topic() {
        let topics = Topics::new(Limits::default());
        let subscriber = topics.subscribe("t", Start::Now).expect("subscribed");
        let stream = stream(subscriber, Exchange::default());
        topics.end("t");
        assert!(Box::pin(stream).next().await.is_none());
    }
}
