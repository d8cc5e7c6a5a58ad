//! What each way costs, in words.

use wire::{
    race::Way,
    time::{bytes, duration},
};

/// What one way came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Costs {
    /// Messages that came.
    pub messages: u64,
    /// Half of them were no later than this, in nanoseconds.
    pub median_ns: Option<i64>,
    /// 99 of 100 were no later than this.
    pub p99_ns: Option<i64>,
    /// Requests made, tries included.
    pub requests: u64,
    /// Answers without a message.
    pub empty: u64,
    /// Bytes of heads, both ways, as the server's socket measured them.
    pub head: u64,
    /// Bytes of bodies and frames, both ways, likewise.
    pub body: u64,
    /// Is a connection held?
    pub connected: bool,
}

impl Costs {
    /// Which costs what, in a sentence. Nothing before a message has come.
    pub fn words(&self, way: Way) -> String {
        let Some(median_ns) = self.median_ns else {
            return match way {
                Way::ShortPolling => "Asks at intervals, whether there is news or not.",
                Way::LongPolling => "Asks, and is answered when there is news.",
                Way::Sse => "One request, and a response that does not end: text in blocks.",
                Way::Stream => "One request, and a response that does not end: JSON in lines.",
                Way::Websocket => "One handshake, and a socket on which both sides may speak.",
            }
            .to_owned();
        };
        let (requests, head) = (self.requests, bytes(self.head));
        let late = duration(median_ns);
        let each = bytes(self.body / self.messages.max(1));
        match way {
            Way::ShortPolling => format!(
                "Costs waiting and empty answers: {late} late in the middle, {} of {requests} requests for nothing, {head} of header. Holds no connection.",
                self.empty
            ),
            Way::LongPolling => format!(
                "Costs requests: {requests} of them and {head} of header for {} messages, and a connection that waits. {late} late in the middle.",
                self.messages
            ),
            Way::Sse | Way::Stream | Way::Websocket => {
                let what = match way {
                    Way::Sse => "the browser comes back by itself",
                    Way::Stream => "the page has to come back by itself",
                    _ => "both ways are open; who is there is told, too",
                };
                format!(
                    "Costs a connection: {head} of header once, then {each} a message. {late} late in the middle; {what}."
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_says_what_it_costs() {
        let costs = Costs {
            messages: 30,
            median_ns: Some(512_000_000),
            p99_ns: Some(1_000_000_000),
            requests: 41,
            empty: 12,
            head: 9_600,
            body: 3_000,
            connected: true,
        };
        assert_eq!(
            costs.words(Way::ShortPolling),
            "Costs waiting and empty answers: 512 ms late in the middle, 12 of 41 requests for nothing, 9.6 kB of header. \
             Holds no connection."
        );
        assert!(
            costs
                .words(Way::LongPolling)
                .contains("41 of them and 9.6 kB of header for 30 messages")
        );
        assert!(costs.words(Way::Sse).contains("then 100 B a message"));
        for way in Way::ALL {
            assert!(Costs::default().words(way).ends_with('.'));
        }
    }
}
