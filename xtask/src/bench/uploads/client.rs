//! A client that only sends: the same bytes again and again.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::peers::{Peer, System};

/// How many bytes are handed to the kernel at once.
const SIP: usize = 256 * 1024;
/// A local server that does not answer within this is broken.
const ANSWER: Duration = Duration::from_secs(60);

/// One connection that is kept alive.
pub(super) struct Client<'a> {
    peer: &'a Peer,
    stream: TcpStream,
    bytes: Vec<u8>,
}

struct Answer {
    status: String,
    location: Option<String>,
}

impl Client<'_> {
    pub(super) fn open(peer: &Peer) -> Result<Client<'_>> {
        let stream = TcpStream::connect(&peer.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER))?;
        let bytes = (0..SIP).map(|at| (at * 31 % 251) as u8).collect();
        Ok(Client {
            peer,
            stream,
            bytes,
        })
    }

    /// Uploads so many bytes, says how long that took until the last answer, and removes them again.
    pub(super) fn upload(&mut self, bytes: u64, chunk: Option<u64>) -> Result<Duration> {
        let began = Instant::now();
        let path = match (self.peer.system, chunk) {
            (System::Nginx, _) => {
                self.request("PUT /file", "", bytes, "201")?;
                "/file".to_owned()
            }
            (_, None) => {
                let stored = self.request("POST /api/images", "", bytes, "201")?;
                let path = stored.location.context("no Location")?;
                path.replace("/api/images/", "/files/")
            }
            (_, Some(chunk)) => self.tus(bytes, chunk)?,
        };
        let took = began.elapsed();
        let removed = format!("DELETE {path}");
        self.request(&removed, "Tus-Resumable: 1.0.0\r\n", 0, "204")?;
        Ok(took)
    }

    fn tus(&mut self, bytes: u64, chunk: u64) -> Result<String> {
        let fields = format!("Tus-Resumable: 1.0.0\r\nUpload-Length: {bytes}\r\n");
        let create = match self.peer.system {
            System::Rustus => "POST /files/",
            _ => "POST /files",
        };
        let created = self.request(create, &fields, 0, "201")?;
        let location = created.location.context("no Location")?;
        let path = match location.split_once("://") {
            Some((_, rest)) => rest[rest.find('/').unwrap_or(rest.len())..].to_owned(),
            None => location,
        };
        let mut offset = 0;
        while offset < bytes {
            let length = chunk.min(bytes - offset);
            let fields = format!(
                "Tus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\n\
                 Content-Type: application/offset+octet-stream\r\n"
            );
            self.request(&format!("PATCH {path}"), &fields, length, "204")?;
            offset += length;
        }
        Ok(path)
    }

    fn request(&mut self, line: &str, fields: &str, bytes: u64, status: &str) -> Result<Answer> {
        write!(
            self.stream,
            "{line} HTTP/1.1\r\nHost: {}\r\n{fields}Content-Length: {bytes}\r\n\r\n",
            self.peer.address
        )?;
        let mut left = bytes;
        while left > 0 {
            let sip = left.min(SIP as u64);
            self.stream.write_all(&self.bytes[..sip as usize])?;
            left -= sip;
        }
        let answer = self.answer()?;
        let name = self.peer.system.name();
        ensure!(
            answer.status == status,
            "{name} answered {line} with {}",
            answer.status
        );
        Ok(answer)
    }

    /// Reads an answer to its end, which its Content-Length says.
    fn answer(&mut self) -> Result<Answer> {
        // In one read, as any client: byte by byte, a long head would cost as much as a megabyte.
        let mut answer = Vec::new();
        let head_bytes = loop {
            let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
            let mut some = [0; 4096];
            let count = self.stream.read(&mut some)?;
            ensure!(count > 0, "the connection was closed before the answer");
            answer.extend_from_slice(&some[..count]);
        };
        let (head, body) = answer.split_at(head_bytes);
        let head = String::from_utf8_lossy(head);
        let field = |name: &str| {
            head.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name)
                    .then(|| value.trim().to_owned())
            })
        };
        let length = field("content-length").map_or(Ok(0), |length| length.parse::<u64>())?;
        let left = length.saturating_sub(body.len() as u64);
        std::io::copy(&mut (&mut self.stream).take(left), &mut std::io::sink())?;
        Ok(Answer {
            status: head.split(' ').nth(1).unwrap_or_default().to_owned(),
            location: field("location"),
        })
    }
}
