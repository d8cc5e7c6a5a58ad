//! Requests one behind the other over a few connections that are kept alive: how many a server answers in a second.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// A server that does not answer within this is broken.
const ANSWER: Duration = Duration::from_secs(20);

/// Asks for a time, over so many connections at once: answers in a second.
pub(crate) fn ask(
    address: SocketAddr,
    connections: usize,
    request: &str,
    time: Duration,
) -> Result<f64> {
    let open = |_| -> Result<TcpStream> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER))?;
        Ok(stream)
    };
    let mut streams: Vec<TcpStream> = (0..connections).map(open).collect::<Result<_>>()?;
    let mut buffer = vec![0; 64 * 1024];
    let begin = Instant::now();
    let mut answers = 0_u64;
    while begin.elapsed() < time {
        for stream in &mut streams {
            stream.write_all(request.as_bytes())?;
        }
        for stream in &mut streams {
            receive(stream, &mut buffer)?;
            answers += 1;
        }
    }
    Ok(answers as f64 / begin.elapsed().as_secs_f64())
}

/// Reads one response with a Content-Length to its end.
fn receive(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<()> {
    let mut read = 0;
    loop {
        let count = stream.read(&mut buffer[read..])?;
        ensure!(count > 0, "the server closed in the middle of an answer");
        read += count;
        let answer = &buffer[..read];
        let Some(head) = memchr::memmem::find(answer, b"\r\n\r\n") else {
            continue;
        };
        ensure!(
            answer.starts_with(b"HTTP/1.1 200 "),
            "{}",
            String::from_utf8_lossy(answer)
        );
        let length =
            content_length(&answer[..head]).context("an answer without a Content-Length")?;
        if read >= head + 4 + length {
            return Ok(());
        }
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    let name = b"\r\ncontent-length: ";
    let value = &head[memchr::memmem::find(head, name)? + name.len()..];
    let value = value.split(|byte| *byte == b'\r').next()?;
    std::str::from_utf8(value).ok()?.parse().ok()
}
