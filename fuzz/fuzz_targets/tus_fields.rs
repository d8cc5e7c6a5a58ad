//! The header fields of tus, one a line.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    server::testing::read_tus_fields(bytes);
});
