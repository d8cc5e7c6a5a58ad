//! The subscribers.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream as Blocking;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::publisher::Publisher;
use crate::{Asked, payload};

/// A server that does not answer within this is broken.
const ANSWER: Duration = Duration::from_secs(20);
const BUFFER: usize = 256 * 1024;

/// All of them, and what they have heard.
pub(crate) struct Crowd {
    poll: Poll,
    events: Events,
    each: Vec<Option<TcpStream>>,
    /// The last bytes that each was sent, where a payload may have been cut.
    tails: Vec<Vec<u8>>,
    buffer: Vec<u8>,
    delivered: u64,
    /// In nanoseconds.
    delays: Vec<u64>,
    /// In a flood, times are not looked at.
    times: bool,
    lost: usize,
}

impl Crowd {
    /// Connects and subscribes one after the other.
    pub(crate) fn open(asked: &Asked, subscribers: usize) -> Result<Crowd> {
        let poll = Poll::new()?;
        let mut each = Vec::with_capacity(subscribers);
        for number in 0..subscribers {
            let stream = subscribe(asked).with_context(|| format!("subscriber {number}"))?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let registry = poll.registry();
            registry.register(&mut stream, Token(number), Interest::READABLE)?;
            each.push(Some(stream));
        }
        Ok(Crowd {
            poll,
            events: Events::with_capacity(1024),
            tails: vec![Vec::new(); subscribers],
            each,
            buffer: vec![0; BUFFER],
            delivered: 0,
            delays: Vec::new(),
            times: asked.load == crate::Load::Paced,
            lost: 0,
        })
    }

    pub(crate) fn poll(&self) -> &Poll {
        &self.poll
    }

    /// Payloads that arrived.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Is every one of them still subscribed?
    pub(crate) fn is_whole(&self) -> bool {
        self.lost == 0
    }

    /// How many were cut off.
    pub(crate) fn lost(&self) -> usize {
        self.lost
    }

    pub(crate) fn forget_delays(&mut self) {
        self.delays.clear();
    }

    /// The median and the 99th percentile of the delays, in milliseconds.
    pub(crate) fn delays(&mut self) -> (f64, f64) {
        self.delays.sort_unstable();
        let at = |share: usize| {
            let index = self.delays.len() * share / 100;
            self.delays.get(index).map_or(0.0, |ns| *ns as f64 / 1e6)
        };
        (at(50), at(99))
    }

    /// Reads whatever comes, for a time.
    pub(crate) fn listen_for(&mut self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.wait(left)?;
            self.read_ready(None)?;
        }
        Ok(())
    }

    /// Reads what has come, waiting for it at most so long, and lets the publisher go on.
    pub(crate) fn listen(&mut self, wait: Duration, publisher: &mut Publisher) -> Result<()> {
        self.wait(wait)?;
        self.read_ready(Some(publisher))
    }

    fn wait(&mut self, wait: Duration) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn read_ready(&mut self, mut publisher: Option<&mut Publisher>) -> Result<()> {
        let ready: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
        for number in ready {
            if number < self.each.len() {
                self.read(number);
            } else if let Some(publisher) = publisher.as_deref_mut() {
                publisher.go_on()?;
            }
        }
        Ok(())
    }

    /// Reads until there is nothing more: readiness is told once.
    fn read(&mut self, number: usize) {
        loop {
            let Some(stream) = &mut self.each[number] else {
                return;
            };
            match stream.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(count) => {
                    self.hear(number, count);
                    if count < self.buffer.len() {
                        // The kernel tells anew when more comes.
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => break,
            }
        }
        self.each[number] = None;
        self.lost += 1;
    }

    fn hear(&mut self, number: usize, count: usize) {
        let bytes = &self.buffer[..count];
        if !self.times {
            self.delivered += memchr::memchr_iter(payload::MARK, bytes).count() as u64;
            return;
        }
        let now = payload::now();
        let tail = &mut self.tails[number];
        tail.extend_from_slice(bytes);
        let mut last = 0;
        for mark in memchr::memchr_iter(payload::MARK, tail) {
            last = mark + 1;
            self.delivered += 1;
            if let Some(sent) = payload::sent(&tail[..last]) {
                self.delays.push(now.saturating_sub(sent));
            }
        }
        tail.drain(..last);
    }
}

/// Connects, asks, and waits for the answer.
fn subscribe(asked: &Asked) -> Result<Blocking> {
    let mut stream = Blocking::connect(asked.connect)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_nodelay(true)?;
    stream.write_all(asked.open.as_bytes())?;
    let head = read_until(&mut stream, b"\r\n\r\n", Vec::new())?;
    if !head.starts_with(b"HTTP/1.1 200") && !head.starts_with(b"HTTP/1.1 101") {
        bail!("answered {}", String::from_utf8_lossy(&head));
    }
    if !asked.then.is_empty() {
        stream.write_all(&bytes(&asked.then)?)?;
    }
    read_until(&mut stream, asked.ready.as_bytes(), head)?;
    Ok(stream)
}

/// Reads until `wanted` has come.
fn read_until(stream: &mut Blocking, wanted: &[u8], mut read: Vec<u8>) -> Result<Vec<u8>> {
    let mut buffer = [0; 4096];
    while memchr::memmem::find(&read, wanted).is_none() {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            bail!("closed after {}", String::from_utf8_lossy(&read));
        }
        read.extend_from_slice(&buffer[..count]);
    }
    Ok(read)
}

/// Bytes from their hexadecimal digits.
fn bytes(digits: &str) -> Result<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?);
    pairs.map(byte).collect()
}
