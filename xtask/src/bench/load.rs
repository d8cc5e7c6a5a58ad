//! A small HTTP client for measurements: keep-alive connections, and as little work as possible.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// A local server that does not answer within this is broken.
const ANSWER: Duration = Duration::from_secs(10);

/// A connection that is kept alive.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(super) fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER))?;
        Ok(Self {
            stream,
            buffer: vec![0; 64 * 1024],
        })
    }

    /// This end's port.
    pub(super) fn local_port(&self) -> Result<u16> {
        Ok(self.stream.local_addr()?.port())
    }

    pub(super) fn send(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request)?;
        Ok(())
    }

    /// Reads one response with a Content-Length to its end and returns its body.
    pub(super) fn receive(&mut self) -> Result<Vec<u8>> {
        let mut read = 0;
        let head = loop {
            let count = self.stream.read(&mut self.buffer[read..])?;
            ensure!(count > 0, "the server closed in the middle of an answer");
            read += count;
            if let Some(end) = find(&self.buffer[..read], b"\r\n\r\n") {
                break end + 4;
            }
        };
        ensure!(
            self.buffer.starts_with(b"HTTP/1.1 200 "),
            "{}",
            String::from_utf8_lossy(&self.buffer[..head])
        );
        let length = content_length(&self.buffer[..head])?;
        let mut body = self.buffer[head..read].to_vec();
        let came = body.len();
        body.resize(length, 0);
        self.stream.read_exact(&mut body[came..])?;
        Ok(body)
    }
}

/// Sends `count` requests over `connections`, one at a time on each, and waits for all answers.
pub(super) fn exchange(connections: &mut [Connection], request: &[u8], count: usize) -> Result<()> {
    for _ in 0..count.div_ceil(connections.len()) {
        for connection in connections.iter_mut() {
            connection.send(request)?;
        }
        for connection in connections.iter_mut() {
            connection.receive()?;
        }
    }
    Ok(())
}

fn content_length(head: &[u8]) -> Result<usize> {
    let name = b"content-length: ";
    let at = find(head, name).context("an answer without a Content-Length")?;
    let value = head[at + name.len()..].split(|byte| *byte == b'\r').next();
    let digits = std::str::from_utf8(value.unwrap_or_default())?;
    Ok(digits.parse()?)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
