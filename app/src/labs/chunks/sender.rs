//! Sends a file, in one request or in chunks, over a line that the requests ask for; goes on after it has dropped.

use std::{ops::Range, rc::Rc};

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::{AbortSignal, Blob};
use wire::{
    base64,
    images::{IMAGES_PATH, TUS_PATH},
    trace::{Lane, Traceparent},
};

use super::{
    knobs::{AT_ONCE, Knobs},
    track::Part,
};
use crate::{
    browser::sleep,
    components::breaks::in_target,
    dom::State,
    session::Session,
    transport::{
        clock::now_ns,
        digest::digest,
        fetch::{Call, fetch_apart},
        reply::{NoReply, Reply},
        upload::upload,
    },
};

/// How long either way waits before it tries again, in milliseconds.
const RETRY_MS: u32 = 200;
/// How often either way tries before it gives up.
const TRIES: u32 = 8;
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
    /// The stretches that the file was joined from.
    stretches: Vec<String>,
}

/// What sends one file one way.
#[derive(Clone)]
pub(super) struct Sender {
    pub(super) session: Session,
    pub(super) knobs: Knobs,
    /// Behind which byte of the file the line drops, once.
    pub(super) cut: Option<u64>,
    /// The next chunk is corrupted on its way.
    pub(super) corrupts: bool,
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
            .update(|journey| journey.took_ns = Some(now_ns() - began_ns));
        self.recorded = false;
        let id = self.journey.peek(|journey| journey.id.clone());
        let image = [IMAGES_PATH, "/", &id].concat();
        let asked = self.send("GET", &image, &[], None).await?;
        self.knows(&asked);
        let stretches = self.journey.peek(|journey| journey.stretches.clone());
        for id in stretches.iter().chain([&id]) {
            let target = [TUS_PATH, "/", id].concat();
            self.send("DELETE", &target, &[version()], None).await?;
        }
        Ok(())
    }

    /// All of it in the body of one request; from the start again when that breaks.
    async fn whole(&mut self, file: &Blob) -> Result<(), Stopped> {
        let headers = [("content-type", "application/octet-stream".to_owned())];
        for _ in 0..TRIES {
            let cut = self.cut.take();
            let piece = Some(Piece {
                body: file,
                base: 0,
                from: 0,
                cut,
            });
            match self.try_to("POST", IMAGES_PATH, &headers, piece).await? {
                Some(reply) => {
                    self.knows(&reply);
                    let length = self.knobs.file();
                    self.journey.update(|journey| journey.acknowledged = length);
                    return Ok(());
                }
                None => sleep(RETRY_MS).await,
            }
        }
        Err(gave_up())
    }

    /// In chunks, one after the other; or in stretches at once, of which the server makes one file (tus, concatenation).
    async fn in_chunks(&mut self, file: &Blob) -> Result<(), Stopped> {
        let stretches = stretches(self.knobs.file(), self.knobs.numbers[AT_ONCE]);
        let id = if let [whole] = stretches.as_slice() {
            self.stretch(file, whole.clone(), false).await?
        } else {
            let promises: Array = stretches
                .into_iter()
                .map(|stretch| self.at_once(file, stretch))
                .collect();
            let ids = JsFuture::from(Promise::all(&promises)).await;
            let ids = ids.map_err(|why| Stopped(why.as_string().unwrap_or_default()))?;
            let mut all = "final;".to_owned();
            for id in Array::from(&ids).iter() {
                all.push_str(&[TUS_PATH, "/", &id.as_string().unwrap_or_default(), " "].concat());
            }
            let headers = [version(), ("upload-concat", all.trim_end().to_owned())];
            id_of(&self.send("POST", TUS_PATH, &headers, None).await?)
        };
        self.journey.alter(|journey| journey.id = id);
        Ok(())
    }

    /// A stretch beside the others; each has a line of its own.
    fn at_once(&mut self, file: &Blob, stretch: Range<u64>) -> Promise {
        let (mut sender, file) = (self.clone(), file.clone());
        self.corrupts = false;
        future_to_promise(async move {
            let id = sender.stretch(&file, stretch, true).await;
            id.map(JsValue::from).map_err(|Stopped(why)| why.into())
        })
    }

    /// Created, then piece by piece; after a break the server says how much it has.
    async fn stretch(
        &mut self,
        file: &Blob,
        stretch: Range<u64>,
        is_partial: bool,
    ) -> Result<String, Stopped> {
        let (from, length) = (stretch.start, stretch.end - stretch.start);
        let mut headers = vec![version(), ("upload-length", length.to_string())];
        if is_partial {
            headers.push(("upload-concat", "partial".to_owned()));
        }
        let id = id_of(&self.send("POST", TUS_PATH, &headers, None).await?);
        if is_partial {
            self.journey
                .alter(|journey| journey.stretches.push(id.clone()));
        }
        let target = [TUS_PATH, "/", &id].concat();
        let (mut offset, mut tries) = (0, 0);
        while offset < length && tries < TRIES {
            let base = from + offset;
            let end = (base + self.knobs.chunk()).min(stretch.end);
            let cut = self.cut.take_if(|cut| (base..end).contains(cut));
            let chunk = slice(file, base, end)?;
            let mut headers = vec![
                version(),
                ("upload-offset", offset.to_string()),
                ("content-type", "application/offset+octet-stream".to_owned()),
            ];
            if self.knobs.check > 0 {
                let digest = digest(&chunk, || true).await.ok_or_else(gave_up)?;
                headers.push((
                    "upload-checksum",
                    ["sha256 ", &base64::encode(&digest)].concat(),
                ));
            }
            let body = match std::mem::take(&mut self.corrupts) {
                true => turned(&chunk)?,
                false => chunk,
            };
            let piece = Some(Piece {
                body: &body,
                base,
                from,
                cut: cut.map(|cut| cut - base),
            });
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
            let more = reached.unwrap_or(offset) as i64 - offset as i64;
            self.journey.update(|journey| {
                journey.acknowledged = journey.acknowledged.saturating_add_signed(more);
            });
            offset = reached.unwrap_or(offset);
        }
        match offset < length {
            true => Err(gave_up()),
            false => Ok(id),
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

    /// One request; it has to be answered with success.
    async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[Header],
        piece: Option<Piece<'_>>,
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
        piece: Option<Piece<'_>>,
    ) -> Result<Option<Reply>, Stopped> {
        let nothing = Blob::new().map_err(|_| gave_up())?;
        let Piece {
            body,
            base,
            from,
            cut,
        } = piece.unwrap_or(Piece {
            body: &nothing,
            base: 0,
            from: 0,
            cut: None,
        });
        let traceparent = Traceparent {
            recorded: self.recorded,
            ..self.session.exchange()
        };
        let span = traceparent.exchange;
        self.journey
            .alter(|journey| journey.parts.push(Part { span, base, from }));
        let call = Call {
            method,
            target: &in_target(target, &self.knobs.faults(cut)),
            headers,
            traceparent,
            lane: Lane::BROWSER,
        };
        let feed = self.session.feed();
        let answered = match cut {
            // Else the browser might send it again by itself, and meet the cut a second time.
            Some(_) => fetch_apart(&feed, call, body, &self.signal).await,
            None => upload(&feed, call, body, &self.signal, Rc::new(|_| ())).await,
        };
        match answered {
            Ok(reply) if reply.is_success() => Ok(Some(reply)),
            // The upload stands elsewhere, or the writer that was cut has not let go of it yet; or a checksum did not fit.
            Ok(reply) if matches!(reply.status, 409 | 423 | 460) => Ok(None),
            Ok(reply) => Err(Stopped(reply.words())),
            Err(NoReply::Aborted) => Err(Stopped(String::new())),
            Err(NoReply::Network) => Ok(None),
        }
    }
}

/// Some of the file, as the body of a request.
struct Piece<'a> {
    body: &'a Blob,
    /// Where in the file it begins, and where its stretch does.
    base: u64,
    from: u64,
    /// Behind which of its bytes the line drops.
    cut: Option<u64>,
}

/// The file in so many stretches, as even as they can be.
fn stretches(length: u64, count: u64) -> Vec<Range<u64>> {
    let bound = |place: u64| length * place / count;
    (0..count)
        .map(|place| bound(place)..bound(place + 1))
        .collect()
}

fn slice(blob: &Blob, from: u64, until: u64) -> Result<Blob, Stopped> {
    let slice = blob.slice_with_f64_and_f64(from as f64, until as f64);
    slice.map_err(|_| gave_up())
}

/// The same bytes, turned by one: what a broken memory or a proxy could make of them.
fn turned(chunk: &Blob) -> Result<Blob, Stopped> {
    let length = chunk.size() as u64;
    let pieces = Array::new();
    for (from, until) in [(1, length), (0, 1)] {
        pieces.push(slice(chunk, from, until)?.as_ref());
    }
    Blob::new_with_blob_sequence(&pieces).map_err(|_| gave_up())
}

/// The id of an upload that was created: the last segment of its address.
fn id_of(reply: &Reply) -> String {
    let place = reply.header("location").unwrap_or_default();
    place.rsplit('/').next().unwrap_or_default().to_owned()
}

fn version() -> Header {
    ("tus-resumable", "1.0.0".to_owned())
}

fn gave_up() -> Stopped {
    Stopped("The server did not answer. See whether it runs, then compare again.".to_owned())
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
    slice(&blob, 0, length).ok()
}
