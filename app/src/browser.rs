//! The browser around a page: its window and document, later moments, tasks.
//!
//! What is done later is boxed before anything is done with it: what is generic here would be compiled for each use.

use std::pin::Pin;

use wasm_bindgen::{JsCast, JsValue, prelude::*};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Document, Location, Window};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = window)]
    static WINDOW: Window;
    #[wasm_bindgen(thread_local_v2, js_name = document)]
    static DOCUMENT: Document;
}

/// The page's window.
pub(crate) fn window() -> Window {
    WINDOW.with(Window::clone)
}

/// The page's document.
pub(crate) fn document() -> Document {
    DOCUMENT.with(Document::clone)
}

/// The page's address.
pub(crate) fn location() -> Location {
    window().location()
}

/// Something that will be done later, unless it is stopped.
#[derive(Debug)]
pub(crate) struct Timer(i32);

impl Timer {
    /// It will not be done.
    pub(crate) fn stop(self) {
        window().clear_timeout_with_handle(self.0);
    }
}

/// Does something later, after so many milliseconds.
pub(crate) fn later(wait_ms: u32, act: impl FnOnce() + 'static) -> Timer {
    Timer(wait(&once(Box::new(act)), wait_ms))
}

/// Does something before the next frame is drawn.
pub(crate) fn next_frame(act: impl FnOnce() + 'static) {
    let _ = window().request_animation_frame(&once(Box::new(act)));
}

/// What JavaScript can call once.
fn once(act: Box<dyn FnOnce()>) -> js_sys::Function {
    Closure::once_into_js(act).unchecked_into()
}

fn wait(act: &js_sys::Function, wait_ms: u32) -> i32 {
    window()
        .set_timeout_with_callback_and_timeout_and_arguments_0(act, wait_ms as i32)
        .unwrap_or_default()
}

/// Runs a task beside the page.
pub(crate) fn spawn(task: impl Future<Output = ()> + 'static) {
    spawn_boxed(Box::pin(task));
}

fn spawn_boxed(task: Pin<Box<dyn Future<Output = ()>>>) {
    wasm_bindgen_futures::spawn_local(task);
}

/// Waits this long, in milliseconds.
pub(crate) async fn sleep(wait_ms: u32) {
    let woken = js_sys::Promise::new(&mut |resolve, _| {
        wait(&resolve, wait_ms);
    });
    let _ = JsFuture::from(woken).await;
}

/// Waits until what follows a change has followed it, and the document shows it.
pub(crate) async fn settled() {
    let _ = JsFuture::from(js_sys::Promise::resolve(&JsValue::NULL)).await;
}
