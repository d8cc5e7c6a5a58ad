//! What can only be known in a browser, tested in headless Chromium: `cargo xtask test wasm`.
//!
//! Whole labs are Playwright's part, in `end2end/`.
#![cfg(target_arch = "wasm32")]

use app::run::Run;
use app::transport::clock::{STEP_UNSEEN_NS, now_ns, page_step_ns};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn the_page_s_clock_never_goes_back() {
    let mut last = now_ns();
    assert!(last > 0);
    for _ in 0..10_000 {
        let now = now_ns();
        assert!(now >= last);
        last = now;
    }
}

#[wasm_bindgen_test]
fn the_clock_s_step_is_found() {
    let step_ns = page_step_ns();
    assert!(step_ns > 0 && step_ns < STEP_UNSEEN_NS, "{step_ns} ns");
    assert_eq!(page_step_ns(), step_ns, "found out once");
}

/// `usize` has 32 bits here, and a JavaScript number 53: neither may touch a time.
#[wasm_bindgen_test]
fn a_saved_run_keeps_every_nanosecond() {
    let saved = r#"{
        "version": 1, "run": "0af7651916cd43dd8448eb211c80319c", "started_at": "2026-01-02T03:04:05.000006Z", "dropped": 4294967297,
        "events": [{
            "seq": 1, "lane": "browser", "kind": "request_sent", "at_ns": -9007199254740993, "duration_ns": 18446744073709551615,
            "error_ns": 5001, "truth": "measured", "bytes": 4294967297, "detail": {}
        }]
    }"#;
    let run = Run::from_json(saved).expect("a run");
    let again = run.to_saved().expect("it has an id");
    assert_eq!(again.dropped, 4_294_967_297);
    let event = &again.events[0];
    assert_eq!(event.at_ns, -9_007_199_254_740_993);
    assert_eq!(event.duration_ns, Some(u64::MAX));
    assert_eq!(event.bytes, Some(4_294_967_297));
}
