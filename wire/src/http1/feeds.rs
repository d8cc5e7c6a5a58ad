//! Where lines end. Every head of every message is searched for it, so a block of bytes is compared at once.

/// Bytes that are looked at together.
const BLOCK: usize = 64;

/// Where the line feeds of some bytes stand, in order.
pub(super) struct Feeds<'a> {
    bytes: &'a [u8],
    /// Where the block that is looked at begins.
    at: usize,
    /// One bit for each line feed of that block that was not told yet; the first byte's is the lowest.
    found: u64,
}

impl<'a> Feeds<'a> {
    #[inline]
    pub(super) fn of(bytes: &'a [u8]) -> Feeds<'a> {
        Feeds {
            bytes,
            at: 0,
            found: block(bytes, 0),
        }
    }
}

impl Iterator for Feeds<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            self.at += BLOCK;
            if self.at >= self.bytes.len() {
                return None;
            }
            self.found = block(self.bytes, self.at);
        }
        let feed = self.at + self.found.trailing_zeros() as usize;
        self.found &= self.found - 1;
        Some(feed)
    }
}

/// The line feeds in the block that begins `at`, a bit each.
#[inline]
fn block(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    if let Some(block) = rest.first_chunk::<BLOCK>() {
        return feeds_in(block);
    }
    match bytes.last_chunk::<BLOCK>() {
        // The last bytes are looked at again, and those before them left out.
        Some(block) if !rest.is_empty() => feeds_in(block) >> (BLOCK - rest.len()),
        _ => {
            let mut block = [0; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            feeds_in(&block)
        }
    }
}

/// SSE2, which every x86-64 has.
#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(
    unsafe_code,
    reason = "the compiler asks for it to make vectors, and to call what needs SSE2"
)]
fn feeds_in(block: &[u8; BLOCK]) -> u64 {
    use std::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set1_epi8};
    let (quarters, _) = block.as_chunks::<16>();
    let quarter = |index: usize| {
        // SAFETY: every x86-64 has SSE2; any 16 bytes are a vector of it, and nothing else touches memory.
        let mask = unsafe {
            let bytes = std::mem::transmute::<[u8; 16], __m128i>(quarters[index]);
            _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\n' as i8)))
        };
        u64::from(mask as u32)
    };
    quarter(0) | quarter(1) << 16 | quarter(2) << 32 | quarter(3) << 48
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn feeds_in(block: &[u8; BLOCK]) -> u64 {
    let each = block.iter().enumerate();
    each.fold(0, |found, (index, byte)| {
        found | u64::from(*byte == b'\n') << index
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_are_where_a_plain_search_finds_them(bytes in prop::collection::vec(
            prop_oneof![Just(b'\n'), Just(0x0b), Just(0x8a), any::<u8>()], 0..200)
        ) {
            let plain = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            let plain: Vec<usize> = plain.map(|(index, _)| index).collect();
            prop_assert_eq!(Feeds::of(&bytes).collect::<Vec<_>>(), plain);
        }
    }
}
