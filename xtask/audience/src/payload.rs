//! The 100 bytes of a message.

use std::io::Write;
use std::sync::LazyLock;
use std::time::Instant;

/// The length of a payload, in bytes.
pub(crate) const BYTES: usize = 100;
/// Its last byte. It is not 126: that stands in the header of each WebSocket frame with a longer payload than 125 bytes.
pub(crate) const MARK: u8 = b'^';
/// How many digits say when it was sent.
const DIGITS: usize = 16;

static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since the first time anybody asked.
pub(crate) fn now() -> u64 {
    u64::try_from(BEGIN.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Writes a payload that says it was sent now.
pub(crate) fn write(mut into: &mut [u8]) {
    into.fill(b'.');
    let last = into.len() - 1;
    into[last] = MARK;
    // A slice takes what fits, and this does.
    let _ = write!(into, "{:0DIGITS$x}", now());
}

/// When the payload was sent whose mark is the last of these bytes, if all of it is there.
pub(crate) fn sent(until_mark: &[u8]) -> Option<u64> {
    let payload = until_mark.last_chunk::<BYTES>()?;
    let digits = std::str::from_utf8(&payload[..DIGITS]).ok()?;
    u64::from_str_radix(digits, 16).ok()
}
