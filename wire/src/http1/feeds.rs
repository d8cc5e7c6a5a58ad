//! Where lines end. Every head of every message is searched for it, so a block of bytes is compared at once.

/// Bytes that are looked at together.
const BLOCK: usize = 32;

/// Where the line feeds of some bytes stand, in order.
pub(super) struct Feeds<'a> {
    bytes: &'a [u8],
    /// Where the block that is looked at begins.
    at: usize,
    /// One bit for each line feed of that block that was not told yet; the first byte's is the lowest.
    found: u32,
}

impl<'a> Feeds<'a> {
    #[inline]
    pub(super) fn of(bytes: &'a [u8]) -> Feeds<'a> {
        Feeds {
            bytes,
            at: 0,
            found: first_block(bytes),
        }
    }
}

impl Iterator for Feeds<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            self.at += BLOCK;
            self.found = first_block(self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?);
        }
        let feed = self.at + self.found.trailing_zeros() as usize;
        self.found &= self.found - 1;
        Some(feed)
    }
}

/// The line feeds in the first block of `bytes`, a bit each.
#[inline]
fn first_block(bytes: &[u8]) -> u32 {
    match bytes.first_chunk::<BLOCK>() {
        Some(block) => feeds_in(block),
        None => {
            let mut block = [0; BLOCK];
            block[..bytes.len()].copy_from_slice(bytes);
            feeds_in(&block)
        }
    }
}

/// SSE2, which every x86-64 has.
#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(
    unsafe_code,
    reason = "the compiler asks for it to call what needs SSE2"
)]
fn feeds_in(block: &[u8; BLOCK]) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};
    let (words, _) = block.as_chunks::<8>();
    let half = |low: usize| {
        let word = |index: usize| i64::from_le_bytes(words[index]);
        // SAFETY: every x86-64 has SSE2, and none of these touches memory.
        unsafe {
            let bytes = _mm_set_epi64x(word(low + 1), word(low));
            _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\n' as i8))) as u32
        }
    };
    half(0) | half(2) << 16
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn feeds_in(block: &[u8; BLOCK]) -> u32 {
    let each = block.iter().enumerate();
    each.fold(0, |found, (index, byte)| {
        found | u32::from(*byte == b'\n') << index
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
