//! A file that may be a picture. A decoder that panics is caught by the server; here it is a finding all the same.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    server::testing::decode_picture(bytes.to_vec());
});
