//! Faults: what they do to the bytes, what the run is told of them, and that they touch nobody else. The clock is paused
//! where time is the matter.

use futures_util::FutureExt;

use super::*;

mod bounds;
mod cut;
mod line;

const RUN: u128 = 0xfa;

/// A request that asks for faults, recorded as the first exchange of [`RUN`].
fn get(path: &str, faults: &str) -> String {
    let traced = traceparent(RUN, 1);
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nRoundtrip-Faults: {faults}\r\n{traced}\r\n")
}

fn post(path: &str, faults: &str, body: &str) -> String {
    let (traced, length) = (traceparent(RUN, 1), body.len());
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nRoundtrip-Faults: {faults}\r\nContent-Length: {length}\r\n\
         {traced}\r\n{body}"
    )
}

fn plain(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

const OPEN: &str = "GET /echo-socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn open_socket(faults: &str) -> String {
    format!(
        "{OPEN}Roundtrip-Faults: {faults}\r\n{}\r\n",
        traceparent(RUN, 1)
    )
}

/// A text frame of two letters, masked with zeros as a client must.
fn frame(word: &str) -> Vec<u8> {
    [b"\x81\x82\0\0\0\0", word.as_bytes()].concat()
}

impl Client {
    /// All that has come by now.
    async fn now(&mut self, server: &TestServer) -> usize {
        server.settle().await;
        while let Some(Ok(1..)) = self.stream.read_buf(&mut self.buffer).now_or_never() {}
        self.buffer.len()
    }

    /// Lets time pass, a little at a time, until `mark` has come.
    async fn comes(&mut self, server: &TestServer, mark: &str) {
        let has_come = |buffer: &[u8]| {
            let mut places = buffer.windows(mark.len());
            places.any(|bytes| bytes == mark.as_bytes())
        };
        for _ in 0..10_000 {
            self.now(server).await;
            if has_come(&self.buffer) {
                return;
            }
            advance(5 * MS).await;
        }
        panic!("{mark:?} never came");
    }

    /// Reads until the connection is over: how it ended.
    async fn end(&mut self) -> std::io::Result<()> {
        loop {
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
            match read.expect("something comes, or the end") {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn is_reset(&mut self) {
        let end = self.end().await;
        let kind = end.expect_err("the connection is reset").kind();
        assert_eq!(kind, std::io::ErrorKind::ConnectionReset);
    }
}

/// The faults of a run: summary, direction, bytes.
fn faults(events: &[TraceEvent]) -> Vec<String> {
    let faults = events.iter().filter(|event| event.kind == Kind::Fault);
    let shown = faults.map(|event| {
        assert_eq!(event.lane, wire::trace::Lane::SOCKET);
        assert_eq!(event.truth, wire::trace::Truth::Measured);
        let detail = &event.detail;
        let bytes = event.bytes.map(|bytes| format!(" {bytes}"));
        format!(
            "{} {}{}",
            detail.more["direction"].as_str().expect("a direction"),
            detail.summary.as_deref().expect("a summary"),
            bytes.unwrap_or_default()
        )
    });
    shown.collect()
}

fn bytes_of(events: &[TraceEvent], kind: Kind) -> Vec<u64> {
    let events = events.iter().filter(|event| event.kind == kind);
    events.filter_map(|event| event.bytes).collect()
}
