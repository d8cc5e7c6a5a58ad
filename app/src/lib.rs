//! Roundtrip's browser half: the labs and the timeline.
//!
//! What needs no browser (state in the address, commands, folding a run, layout) is plain Rust and is tested natively;
//! the rest compiles for `wasm32` only.

pub mod components;
pub mod labs;
mod order;
pub mod run;
pub mod timeline;
pub mod transport;

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
mod dom;
#[cfg(target_arch = "wasm32")]
mod session;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// Called when the page has loaded the WebAssembly: mounts what the document has a place for.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen::prelude::wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|info| {
        web_sys::console::error_1(&info.to_string().into());
    }));
    // What drives effects. An error says that it is there already, which would do as well.
    let _ = any_spawner::Executor::init_wasm_bindgen();
    labs::mount();
}
