//! Elements, and what they follow: a thin layer over Leptos' reactive core that is compiled once.
//!
//! Leptos' own views and signals are generic over everything they hold; each distinct shape is compiled anew, and that
//! was three quarters of the download. Here every element is the same type, every closure is boxed, and a [`State`]
//! keeps its value outside of the reactive graph, which only knows that it changed.

use std::cell::RefCell;

use leptos::prelude::{ArcTrigger, Effect, Notify, Track, document};
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{Element, Event, HtmlElement, HtmlInputElement, Node};

/// A value that elements follow. A page lives as long as its document, so the value is never given back; in return this
/// is as cheap to copy as an address.
pub(crate) struct State<T: 'static>(&'static Held<T>);

struct Held<T> {
    value: RefCell<T>,
    changed: ArcTrigger,
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for State<T> {}

impl<T> State<T> {
    /// A value to begin with.
    pub(crate) fn new(value: T) -> State<T> {
        State(Box::leak(Box::new(Held {
            value: RefCell::new(value),
            changed: ArcTrigger::new(),
        })))
    }

    /// Reads the value; whoever follows runs again when it changes.
    pub(crate) fn with<R>(self, read: impl FnOnce(&T) -> R) -> R {
        self.0.changed.track();
        self.peek(read)
    }

    /// Reads the value without following it.
    pub(crate) fn peek<R>(self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.0.value.borrow())
    }

    /// Changes the value.
    pub(crate) fn update<R>(self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.0.value.borrow_mut());
        self.0.changed.notify();
        result
    }

    /// Puts another value in its place.
    pub(crate) fn set(self, value: T) {
        // The old value is let go of after the borrow: its own drop may read this state.
        let old = self.update(|slot| std::mem::replace(slot, value));
        drop(old);
    }
}

impl<T: Clone> State<T> {
    /// A copy of the value; whoever follows runs again when it changes.
    pub(crate) fn get(self) -> T {
        self.with(T::clone)
    }

    /// A copy of the value, without following it.
    pub(crate) fn now(self) -> T {
        self.peek(T::clone)
    }
}

impl<T: PartialEq> State<T> {
    /// Puts another value in its place, if it is another one.
    pub(crate) fn change_to(self, value: T) {
        if self.peek(|now| *now != value) {
            self.set(value);
        }
    }
}

/// Runs at once, before the page is painted, and again whenever something that it read has changed.
pub(crate) fn follow(act: impl Fn() + 'static) {
    let act: Box<dyn Fn()> = Box::new(act);
    Effect::new(move |_: Option<()>| act());
}

/// An element under construction, or in the page. Cheap to clone.
#[derive(Clone)]
pub(crate) struct El(HtmlElement);

/// Makes an element: `el("div.field.grows")`.
pub(crate) fn el(what: &str) -> El {
    let mut words = what.split('.');
    let name = words.next().unwrap_or("div");
    let element = document()
        .create_element(name)
        .ok()
        .and_then(|element| element.dyn_into::<HtmlElement>().ok())
        .expect("the names of elements are written out in this program");
    for class in words {
        let _ = element.class_list().add_1(class);
    }
    El(element)
}

impl El {
    /// An element that is in the page already.
    pub(crate) fn of(element: HtmlElement) -> El {
        El(element)
    }

    /// The element itself.
    pub(crate) fn node(&self) -> &HtmlElement {
        &self.0
    }

    /// With an attribute.
    pub(crate) fn attr(self, name: &str, value: &str) -> El {
        let _ = self.0.set_attribute(name, value);
        self
    }

    /// With several attributes, or flags where the value is empty.
    pub(crate) fn attrs(self, pairs: &[(&str, &str)]) -> El {
        for (name, value) in pairs {
            let _ = self.0.set_attribute(name, value);
        }
        self
    }

    /// With words at its end.
    pub(crate) fn text(self, words: &str) -> El {
        let _ = self.0.append_with_str_1(words);
        self
    }

    /// With another element at its end.
    pub(crate) fn add(self, child: El) -> El {
        let _ = self.0.append_child(&child.0);
        self
    }

    /// With other elements at its end.
    pub(crate) fn add_all(self, children: impl IntoIterator<Item = El>) -> El {
        for child in children {
            let _ = self.0.append_child(&child.0);
        }
        self
    }

    /// Does something at an event.
    pub(crate) fn on(self, event: &str, act: impl FnMut(Event) + 'static) -> El {
        listen(&self.0, event, act);
        self
    }

    /// Does something to the element, now and whenever what it read has changed.
    pub(crate) fn follows(self, act: impl Fn(&HtmlElement) + 'static) -> El {
        let element = self.0.clone();
        follow(move || act(&element));
        self
    }

    /// Its words.
    pub(crate) fn shows(self, words: impl Fn() -> String + 'static) -> El {
        let words: Box<dyn Fn() -> String> = Box::new(words);
        self.follows(move |element| {
            let words = words();
            // Setting the same words again would be read out again.
            if element.text_content().as_deref() != Some(&words) {
                element.set_text_content(Some(&words));
            }
        })
    }

    /// An attribute; `None` takes it away.
    pub(crate) fn attr_of(
        self,
        name: &'static str,
        value: impl Fn() -> Option<String> + 'static,
    ) -> El {
        let value: Box<dyn Fn() -> Option<String>> = Box::new(value);
        self.follows(move |element| {
            let _ = match value() {
                Some(value) => element.set_attribute(name, &value),
                None => element.remove_attribute(name),
            };
        })
    }

    /// An attribute that is there or not: `hidden`, `disabled`.
    pub(crate) fn flag_of(self, name: &'static str, is_set: impl Fn() -> bool + 'static) -> El {
        self.attr_of(name, move || is_set().then(String::new))
    }

    /// An attribute that says `true` or `false`: `aria-expanded`.
    pub(crate) fn bool_of(self, name: &'static str, is_true: impl Fn() -> bool + 'static) -> El {
        self.attr_of(name, move || {
            Some(if is_true() { "true" } else { "false" }.to_owned())
        })
    }

    /// What a field holds. What the person is typing is left alone as long as it says the same.
    pub(crate) fn value_of(self, value: impl Fn() -> String + 'static) -> El {
        let value: Box<dyn Fn() -> String> = Box::new(value);
        self.follows(move |element| {
            let value = value();
            if value_of(element) != value {
                let _ = js_sys::Reflect::set(element, &"value".into(), &value.into());
            }
        })
    }

    /// What stands in it. The elements are made anew whenever what made them has changed.
    pub(crate) fn holds(self, children: impl Fn() -> Vec<El> + 'static) -> El {
        let children: Box<dyn Fn() -> Vec<El>> = Box::new(children);
        self.follows(move |element| {
            let nodes: js_sys::Array = children()
                .iter()
                .map(|child| Node::from(child.0.clone()))
                .collect();
            element.replace_children_with_node(&nodes);
        })
    }
}

/// Does something at an event, as long as the element lives.
pub(crate) fn listen(target: &web_sys::EventTarget, event: &str, act: impl FnMut(Event) + 'static) {
    let closure = Closure::<dyn FnMut(Event)>::new(act);
    let _ = target.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
    closure.forget();
}

/// The element that an event came from.
pub(crate) fn target(event: &Event) -> Option<Element> {
    event.target()?.dyn_into().ok()
}

/// What stands in the field that an event came from.
pub(crate) fn value(event: &Event) -> String {
    target(event).map_or_else(String::new, |element| value_of(&element))
}

fn value_of(element: &Element) -> String {
    js_sys::Reflect::get(element, &"value".into())
        .ok()
        .and_then(|value| value.as_string())
        .unwrap_or_default()
}

/// Is the box that an event came from checked?
pub(crate) fn is_checked(event: &Event) -> bool {
    target(event)
        .and_then(|element| element.dyn_into::<HtmlInputElement>().ok())
        .is_some_and(|input| input.checked())
}
