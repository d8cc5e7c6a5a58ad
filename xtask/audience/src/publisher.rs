//! The publisher: one connection, and messages one behind the other without waiting for answers.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream as Blocking;

use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use mio::{Interest, Token};

use crate::crowd::Crowd;
use crate::{Asked, payload};

const PLACE: &str = "{payload}";

/// It, what it has to say, and what of that the kernel did not take yet.
pub(crate) struct Publisher {
    stream: TcpStream,
    before: Vec<u8>,
    behind: Vec<u8>,
    waiting: Vec<u8>,
    published: u64,
}

impl Publisher {
    /// Connects; the crowd's poll tells when it can go on.
    pub(crate) fn open(asked: &Asked, crowd: &Crowd) -> Result<Publisher> {
        let address = asked.publish_connect.unwrap_or(asked.connect);
        let mut stream = Blocking::connect(address)?;
        stream.set_nodelay(true)?;
        stream.write_all(asked.publish_open.as_bytes())?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let interest = Interest::READABLE | Interest::WRITABLE;
        let token = Token(asked.subscribers);
        crowd
            .poll()
            .registry()
            .register(&mut stream, token, interest)?;
        let (before, behind) = asked.publish.split_once(PLACE).context("no {payload}")?;
        Ok(Publisher {
            stream,
            before: before.into(),
            behind: behind.into(),
            waiting: Vec::new(),
            published: 0,
        })
    }

    /// Messages that it has said so far.
    pub(crate) fn published(&self) -> u64 {
        self.published
    }

    /// Says `count` messages more.
    pub(crate) fn publish(&mut self, count: u64) -> Result<()> {
        for _ in 0..count {
            self.waiting.extend_from_slice(&self.before);
            let at = self.waiting.len();
            self.waiting.resize(at + payload::BYTES, 0);
            payload::write(&mut self.waiting[at..]);
            self.waiting.extend_from_slice(&self.behind);
        }
        self.published += count;
        self.go_on()
    }

    /// Writes what waits, and reads the answers away.
    pub(crate) fn go_on(&mut self) -> Result<()> {
        let mut answers = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut answers) {
                Ok(0) => bail!("the server closed the publisher's connection"),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        while !self.waiting.is_empty() {
            match self.stream.write(&self.waiting) {
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
