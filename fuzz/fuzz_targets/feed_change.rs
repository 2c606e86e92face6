#![no_main]

#[path = "../../checker/tests/hostile/bodies.rs"]
#[expect(dead_code, reason = "the other target has the other body")]
mod bodies;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bodies::feed_change(input));
