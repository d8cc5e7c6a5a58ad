//! Sends a file, in one request or in chunks, over a line that the requests ask for; goes on after it has dropped.

use std::rc::Rc;

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Blob, Response};
use wire::{
    images::{IMAGES_PATH, TUS_PATH},
    trace::{Lane, Traceparent},
};

use super::{knobs::Knobs, track::Part};
use crate::{
    browser::{sleep, window},
    components::breaks::in_target,
    dom::State,
    session::Session,
    transport::{
        clock::now_ns,
        fetch::Call,
        reply::{NoReply, Reply},
        upload::upload,
    },
};

/// How long either way waits before it tries again, in milliseconds.
const RETRY_MS: u32 = 200;
/// How often either way tries before it gives up.
const TRIES: u32 = 8;
/// How many connections a browser keeps to one server.
const CONNECTIONS: u32 = 6;
/// The file is this block over and over.
const BLOCK: usize = 64 * 1_024;

type Header = (&'static str, String);

/// Why a file did not arrive; without words where the person stopped it.
pub(super) struct Stopped(pub(super) String);

/// How far a file has come.
#[derive(Clone, Default)]
pub(super) struct Journey {
    /// Its requests.
    pub(super) parts: Vec<Part>,
    /// How many bytes the server has acknowledged.
    pub(super) acknowledged: u64,
    /// How long it took, once it is there.
    pub(super) took_ns: Option<i64>,
    /// The digest that the server computed, in hex.
    pub(super) sha256: String,
    id: String,
    /// How long the page took to have connections closed, which is no part of sending.
    aside_ns: i64,
}

/// What sends one file one way.
#[derive(Clone)]
pub(super) struct Sender {
    pub(super) session: Session,
    pub(super) knobs: Knobs,
    /// Behind which byte of the file the line drops, once.
    pub(super) cut: Option<u64>,
    /// Is it drawn on the timeline?
    pub(super) recorded: bool,
    pub(super) signal: AbortSignal,
    pub(super) journey: State<Journey>,
}

impl Sender {
    /// Sends it, in chunks or whole, and has the server let go of it again.
    pub(super) async fn go(mut self, file: Blob, in_chunks: bool) -> Result<(), Stopped> {
        self.journey.set(Journey::default());
        let began_ns = now_ns();
        match in_chunks {
            true => self.in_chunks(&file).await?,
            false => self.whole(&file).await?,
        }
        self.journey
            .update(|journey| journey.took_ns = Some(now_ns() - began_ns - journey.aside_ns));
        self.recorded = false;
        let id = self.journey.peek(|journey| journey.id.clone());
        let image = [IMAGES_PATH, "/", &id].concat();
        let asked = self.send("GET", &image, &[], None).await?;
        self.knows(&asked);
        let target = [TUS_PATH, "/", &id].concat();
        self.send("DELETE", &target, &[version()], None).await?;
        Ok(())
    }

    /// All of it in the body of one request; from the start again when that breaks.
    async fn whole(&mut self, file: &Blob) -> Result<(), Stopped> {
        let headers = [("content-type", "application/octet-stream".to_owned())];
        for _ in 0..TRIES {
            let cut = self.cut.take();
            let piece = Some((file, 0, cut));
            match self.try_to("POST", IMAGES_PATH, &headers, piece).await? {
                Some(reply) => {
                    self.knows(&reply);
                    self.acknowledged(self.knobs.file());
                    return Ok(());
                }
                None => sleep(RETRY_MS).await,
            }
        }
        Err(gave_up())
    }

    /// Created, then piece by piece; after a break the server says how much it has.
    async fn in_chunks(&mut self, file: &Blob) -> Result<(), Stopped> {
        let length = self.knobs.file();
        let headers = [version(), ("upload-length", length.to_string())];
        let created = self.send("POST", TUS_PATH, &headers, None).await?;
        let url = created.header("location").unwrap_or_default().to_owned();
        let id = url.rsplit('/').next().unwrap_or_default().to_owned();
        let target = [TUS_PATH, "/", &id].concat();
        self.journey.alter(|journey| journey.id = id);
        let (mut offset, mut tries) = (0, 0);
        while offset < length && tries < TRIES {
            let end = (offset + self.knobs.chunk()).min(length);
            let cut = self.cut.take_if(|cut| (offset..end).contains(cut));
            let Ok(chunk) = file.slice_with_f64_and_f64(offset as f64, end as f64) else {
                return Err(gave_up());
            };
            let headers = [
                version(),
                ("upload-offset", offset.to_string()),
                ("content-type", "application/offset+octet-stream".to_owned()),
            ];
            let piece = Some((&chunk, offset, cut.map(|cut| cut - offset)));
            let mut answer = self.try_to("PATCH", &target, &headers, piece).await?;
            if answer.is_none() {
                sleep(RETRY_MS).await;
                answer = self.try_to("HEAD", &target, &[version()], None).await?;
            }
            let reached = answer.and_then(|reply| reply.header("upload-offset")?.parse().ok());
            // What brings nothing is tried only so often.
            tries = match reached {
                Some(reached) if reached > offset => 0,
                _ => tries + 1,
            };
            offset = reached.unwrap_or(offset);
            self.acknowledged(offset);
        }
        match offset < length {
            true => Err(gave_up()),
            false => Ok(()),
        }
    }

    /// What the server says about the file.
    fn knows(&self, reply: &Reply) {
        let text = |name: &str| Some(reply.json()?.get(name)?.as_str()?.to_owned());
        self.journey.alter(|journey| {
            journey.id = text("id").unwrap_or_default();
            journey.sha256 = text("sha256").unwrap_or_default();
        });
    }

    fn acknowledged(&self, bytes: u64) {
        self.journey.update(|journey| journey.acknowledged = bytes);
    }

    /// One request; it has to be answered with success.
    async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[Header],
        piece: Option<(&Blob, u64, Option<u64>)>,
    ) -> Result<Reply, Stopped> {
        let reply = self.try_to(method, target, headers, piece).await?;
        reply.ok_or_else(gave_up)
    }

    /// One request. `None` where it broke off, or the server asks for another try.
    async fn try_to(
        &self,
        method: &str,
        target: &str,
        headers: &[Header],
        piece: Option<(&Blob, u64, Option<u64>)>,
    ) -> Result<Option<Reply>, Stopped> {
        let nothing = Blob::new().map_err(|_| gave_up())?;
        let (body, base, cut) = piece.unwrap_or((&nothing, 0, None));
        if cut.is_some() {
            let since_ns = now_ns();
            let_go_of_connections().await;
            self.journey
                .alter(|journey| journey.aside_ns += now_ns() - since_ns);
        }
        let traceparent = Traceparent {
            recorded: self.recorded,
            ..self.session.exchange()
        };
        let span = traceparent.exchange;
        self.journey
            .alter(|journey| journey.parts.push(Part { span, base }));
        let call = Call {
            method,
            target: &in_target(target, &self.knobs.faults(cut)),
            headers,
            traceparent,
            lane: Lane::BROWSER,
        };
        let feed = self.session.feed();
        match upload(&feed, call, body, &self.signal, Rc::new(|_| ())).await {
            Ok(reply) if reply.is_success() => Ok(Some(reply)),
            // The upload stands elsewhere, or the writer that was cut has not let go of it yet.
            Ok(reply) if matches!(reply.status, 409 | 423) => Ok(None),
            Ok(reply) => Err(Stopped(reply.words())),
            Err(NoReply::Aborted) => Err(Stopped(String::new())),
            Err(NoReply::Network) => Ok(None),
        }
    }
}

fn version() -> Header {
    ("tus-resumable", "1.0.0".to_owned())
}

fn gave_up() -> Stopped {
    Stopped("The server did not answer. See whether it runs, then compare again.".to_owned())
}

/// Has the server close the connections that the browser keeps: on one of them the browser would send a request again by
/// itself, and meet the cut a second time.
async fn let_go_of_connections() {
    let promises: Vec<Promise> = (0..CONNECTIONS)
        .map(|_| window().fetch_with_str("/api/echo?framing=close&delay_ms=20"))
        .collect();
    for promise in promises {
        if let Ok(response) = JsFuture::from(promise).await
            && let Ok(response) = response.dyn_into::<Response>()
            && let Ok(text) = response.text()
        {
            let _ = JsFuture::from(text).await;
        }
    }
}

/// A file of this many bytes: one block over and over, of which the browser keeps what is sent.
pub(super) fn file(length: u64) -> Option<Blob> {
    let mut block = vec![0_u8; BLOCK];
    // xorshift (Marsaglia 2003): no two pages need the same bytes, and no page needs good ones.
    let mut seed = 0x9e37_79b9_u32;
    for byte in &mut block {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        *byte = seed as u8;
    }
    let block = Uint8Array::from(block.as_slice());
    let pieces = Array::new();
    for _ in 0..length.div_ceil(BLOCK as u64) {
        pieces.push(&block);
    }
    let blob = Blob::new_with_u8_array_sequence(&pieces).ok()?;
    blob.slice_with_f64_and_f64(0.0, length as f64).ok()
}
