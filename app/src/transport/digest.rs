//! SHA-256 of a file, slice by slice: never the whole file in memory, never a frame held up for long. In WebAssembly,
//! because `crypto.subtle` knows no streams and is missing on plain HTTP.

use js_sys::{ArrayBuffer, Uint8Array};
use sha2::{Digest, Sha256};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;
use wire::trace::{Kind, Lane};

use super::{clock::now_ns, feed::Feed, link::Seen};

/// How much is read and hashed between two yields to the page, in bytes: a few milliseconds' work.
const SLICE: u64 = 512 * 1024;

/// The digest in hex, told to the run; `None` when `go_on` said no, or the file could not be read.
pub(crate) async fn sha256(feed: &Feed, file: &Blob, go_on: impl Fn() -> bool) -> Option<String> {
    let began_ns = now_ns();
    let digest = digest(file, go_on).await?;
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let told = hex.clone();
    feed.saw(
        Seen::new(Lane::BROWSER, Kind::Hashed, began_ns)
            .until(now_ns())
            .bytes(file.size() as u64)
            .summary("SHA-256")
            .with(|detail| detail.sha256 = Some(told)),
    );
    Some(hex)
}

/// The digest alone.
pub(crate) async fn digest(file: &Blob, go_on: impl Fn() -> bool) -> Option<[u8; 32]> {
    let length = file.size() as u64;
    let mut hasher = Sha256::new();
    let mut buffer = Vec::new();
    let mut from = 0;
    while from < length {
        let to = (from + SLICE).min(length);
        let slice = file.slice_with_f64_and_f64(from as f64, to as f64).ok()?;
        let held: ArrayBuffer = JsFuture::from(slice.array_buffer())
            .await
            .ok()?
            .dyn_into()
            .ok()?;
        if !go_on() {
            return None;
        }
        let bytes = Uint8Array::new(&held);
        buffer.resize(bytes.length() as usize, 0);
        bytes.copy_to(&mut buffer);
        // Lets go of it at once, where the browser can: the collector comes when there are hundreds.
        let _ = held.transfer_with_length(0);
        hasher.update(&buffer);
        from = to;
    }
    Some(hasher.finalize().into())
}
