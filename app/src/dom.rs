//! Elements, and what they follow: a thin layer over Leptos' reactive core that is compiled once.
//!
//! Leptos' own views and signals are generic over everything they hold; each distinct shape is compiled anew, and that
//! was three quarters of the download. Here every element is the same type, every closure is boxed before anything is done
//! with it, and a [`State`] keeps its value outside of the reactive graph, which only knows that it changed.
//!
//! What is generic here does no more than box its closure and hand it on: a closure within a generic function is a type
//! of its own for each use, and would be compiled for each.

use std::{
    cell::RefCell,
    sync::{Arc, OnceLock},
};

use reactive_graph::{
    effect::RenderEffect,
    owner::Owner,
    signal::ArcTrigger,
    traits::{Notify, Track},
};
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{Element, Event, HtmlElement, HtmlInputElement};

use crate::browser::{document, spawn};

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
        self.track();
        self.peek(read)
    }

    /// Reads the value without following it.
    pub(crate) fn peek<R>(self, read: impl FnOnce(&T) -> R) -> R {
        read(&self.0.value.borrow())
    }

    /// Changes the value.
    pub(crate) fn update<R>(self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = self.alter(change);
        notify(&self.0.changed);
        result
    }

    /// Changes the value without telling anyone: for what is read with [`State::peek`] only.
    pub(crate) fn alter<R>(self, change: impl FnOnce(&mut T) -> R) -> R {
        change(&mut self.0.value.borrow_mut())
    }

    /// Follows the value without reading it.
    pub(crate) fn track(self) {
        track(&self.0.changed);
    }

    /// Puts another value in its place.
    pub(crate) fn set(self, value: T) {
        // The old value is let go of after the borrow: its own drop may read this state.
        let old = self.update(|slot| std::mem::replace(slot, value));
        drop(old);
    }
}

fn track(changed: &ArcTrigger) {
    changed.track();
}

fn notify(changed: &ArcTrigger) {
    changed.notify();
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

/// A closure, boxed: like `Box<dyn Fn() -> T>`, whose table brings along a copy for being called by value, which nobody does.
type Make<T> = Box<dyn Makes<T>>;

trait Makes<T> {
    fn make(&self) -> T;
}

impl<T, F: Fn() -> T> Makes<T> for F {
    fn make(&self) -> T {
        self()
    }
}

/// Likewise for what is done to an element.
trait ActsOn {
    fn act(&self, element: &HtmlElement);
}

impl<F: Fn(&HtmlElement)> ActsOn for F {
    fn act(&self, element: &HtmlElement) {
        self(element);
    }
}

/// Likewise for what is done at an event.
trait Hears {
    fn hear(&mut self, event: Event);
}

impl<F: FnMut(Event)> Hears for F {
    fn hear(&mut self, event: Event) {
        self(event);
    }
}

/// Runs at once, before the page is painted, and again whenever something that it read has changed.
pub(crate) fn follow(act: impl Fn() + 'static) {
    follow_boxed(Box::new(act));
}

fn follow_boxed(act: Make<()>) {
    // Held by what is made at the moment: when that is made anew, this ends, or never begins.
    let place = Arc::new(OnceLock::new());
    let held = Arc::downgrade(&place);
    let owner = Owner::current();
    match &owner {
        Some(_) => Owner::on_cleanup(move || drop(place)),
        None => std::mem::forget(place),
    }
    spawn(async move {
        if let Some(place) = held.upgrade() {
            // The core's `Effect` would ask for its thread, which brings the standard library's allocator along.
            let begin = || RenderEffect::new(move |_| act.make());
            let effect = match owner {
                Some(owner) => owner.with(begin),
                None => begin(),
            };
            let _ = place.set(effect);
        }
    });
}

/// A value made of others, which tells of a change only where it is another one.
pub(crate) fn derived<T: Default + PartialEq>(make: impl Fn() -> T + 'static) -> State<T> {
    let state = State::new(T::default());
    follow(move || state.change_to(make()));
    state
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

    /// Says these words instead, unless it says them already: they would be read out again.
    pub(crate) fn say(&self, words: &str) {
        if self.0.text_content().as_deref() != Some(words) {
            self.0.set_text_content(Some(words));
        }
    }

    /// Has this attribute from now on; an empty one is taken away.
    pub(crate) fn mark(&self, name: &str, value: &str) {
        let _ = match value {
            "" => self.0.remove_attribute(name),
            value => self.0.set_attribute(name, value),
        };
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

    /// With another element at its end, made anew each time it comes, and in the page as long as this is true.
    pub(crate) fn add_while(
        self,
        is_there: impl Fn() -> bool + 'static,
        make: impl Fn() -> El + 'static,
    ) -> El {
        self.add_boxed_while(Box::new(is_there), Box::new(make))
    }

    fn add_boxed_while(self, is_there: Make<bool>, make: Make<El>) -> El {
        let is_shown = State::new(false);
        follow_boxed(Box::new(move || is_shown.change_to(is_there.make())));
        // Holds the place among those that are added later.
        let end = document().create_text_node("");
        let _ = self.0.append_child(&end);
        let shown = RefCell::new(None::<El>);
        self.follows(move |element| {
            let new = is_shown.get().then(|| make.make());
            if let Some(new) = &new {
                let _ = element.insert_before(&new.0, Some(&end));
            }
            if let Some(old) = shown.replace(new) {
                old.0.remove();
            }
        })
    }

    /// Does something at an event.
    pub(crate) fn on(self, event: &str, act: impl FnMut(Event) + 'static) -> El {
        listen(&self.0, event, act);
        self
    }

    /// Does something to the element, now and whenever what it read has changed.
    pub(crate) fn follows(self, act: impl Fn(&HtmlElement) + 'static) -> El {
        self.follows_boxed(Box::new(act))
    }

    fn follows_boxed(self, act: Box<dyn ActsOn>) -> El {
        let element = self.0.clone();
        follow_boxed(Box::new(move || act.act(&element)));
        self
    }

    /// Its words.
    pub(crate) fn shows(self, words: impl Fn() -> String + 'static) -> El {
        self.shows_boxed(Box::new(words))
    }

    fn shows_boxed(self, words: Make<String>) -> El {
        self.follows(move |element| {
            El(element.clone()).say(&words.make());
        })
    }

    /// An attribute; `None` takes it away.
    pub(crate) fn attr_of(
        self,
        name: &'static str,
        value: impl Fn() -> Option<String> + 'static,
    ) -> El {
        self.attr_of_boxed(name, Box::new(value))
    }

    fn attr_of_boxed(self, name: &'static str, value: Make<Option<String>>) -> El {
        self.follows(move |element| {
            let _ = match value.make() {
                Some(value) => element.set_attribute(name, &value),
                None => element.remove_attribute(name),
            };
        })
    }

    /// An attribute that is there or not: `hidden`, `disabled`.
    pub(crate) fn flag_of(self, name: &'static str, is_set: impl Fn() -> bool + 'static) -> El {
        self.flag_of_boxed(name, Box::new(is_set))
    }

    fn flag_of_boxed(self, name: &'static str, is_set: Make<bool>) -> El {
        self.follows(move |element| {
            let _ = element.toggle_attribute_with_force(name, is_set.make());
        })
    }

    /// Is the box or the choice checked? The property, which the person changes, not the attribute.
    pub(crate) fn checked_of(self, is_checked: impl Fn() -> bool + 'static) -> El {
        self.follows(move |element| {
            let _ = js_sys::Reflect::set(element, &"checked".into(), &is_checked().into());
        })
    }

    /// An attribute that says `true` or `false`: `aria-expanded`.
    pub(crate) fn bool_of(self, name: &'static str, is_true: impl Fn() -> bool + 'static) -> El {
        self.bool_of_boxed(name, Box::new(is_true))
    }

    fn bool_of_boxed(self, name: &'static str, is_true: Make<bool>) -> El {
        self.follows(move |element| {
            let _ = element.set_attribute(name, if is_true.make() { "true" } else { "false" });
        })
    }

    /// What a field holds. What the person is typing is left alone as long as it says the same.
    pub(crate) fn value_of(self, value: impl Fn() -> String + 'static) -> El {
        self.value_of_boxed(Box::new(value))
    }

    fn value_of_boxed(self, value: Make<String>) -> El {
        self.follows(move |element| {
            set_value(element, &value.make());
        })
    }

    /// What stands in it. The elements are made anew whenever what made them has changed.
    pub(crate) fn holds(self, children: impl Fn() -> Vec<El> + 'static) -> El {
        self.holds_boxed(Box::new(children))
    }

    fn holds_boxed(self, children: Make<Vec<El>>) -> El {
        self.follows(move |element| {
            let nodes = js_sys::Array::new();
            for child in children.make() {
                nodes.push(&child.0);
            }
            element.replace_children_with_node(&nodes);
        })
    }
}

/// Children that stay the same elements as long as their keys stay, so that the focus stays where it is.
pub(crate) struct Keyed {
    host: El,
    children: RefCell<Vec<(String, El)>>,
}

impl Keyed {
    /// Children of this element, which has no others.
    pub(crate) fn of(host: El) -> Keyed {
        Keyed {
            host,
            children: RefCell::default(),
        }
    }

    /// Shows what these keys name, in this order; `make` makes what is not there yet, by its place.
    pub(crate) fn show(&self, keys: Vec<String>, make: &dyn Fn(usize) -> El) {
        let mut children = self.children.borrow_mut();
        let mut old: Vec<Option<(String, El)>> = children.drain(..).map(Some).collect();
        let mut next = 0;
        for (place, key) in keys.into_iter().enumerate() {
            // Mostly they stand behind each other as they did before.
            let is_it = |place: &usize| matches!(&old[*place], Some((other, _)) if *other == key);
            let found = (next..old.len()).chain(0..next).find(is_it);
            next = found.map_or(next, |found| found + 1);
            let kept = found.and_then(|found| old[found].take());
            children.push(kept.unwrap_or_else(|| (key, make(place))));
        }
        for (_, gone) in old.into_iter().flatten() {
            gone.0.remove();
        }
        let mut next = self.host.0.first_child();
        for (_, child) in &*children {
            match &next {
                Some(node) if child.0.is_same_node(Some(node)) => next = node.next_sibling(),
                _ => {
                    let _ = self.host.0.insert_before(&child.0, next.as_ref());
                }
            }
        }
    }

    /// The children by their places.
    pub(crate) fn each(&self, mut act: impl FnMut(usize, &HtmlElement)) {
        for (place, (_, child)) in self.children.borrow().iter().enumerate() {
            act(place, &child.0);
        }
    }

    /// The place of the child that an event came from.
    pub(crate) fn place_of(&self, event: &Event) -> Option<usize> {
        let target = target(event)?;
        let children = self.children.borrow();
        children
            .iter()
            .position(|(_, child)| child.0.contains(Some(&target)))
    }
}

/// A length in CSS. JavaScript writes the number: what Rust does it with is larger than all that is said here.
pub(crate) fn px(length: f64) -> String {
    let number = js_sys::Number::from(length).to_string_with_radix(10);
    [&number.map_or_else(|_| "0".to_owned(), String::from), "px"].concat()
}

/// Does something at an event, as long as the element lives.
pub(crate) fn listen(target: &web_sys::EventTarget, event: &str, act: impl FnMut(Event) + 'static) {
    listen_boxed(target, event, Box::new(act));
}

fn listen_boxed(target: &web_sys::EventTarget, event: &str, mut act: Box<dyn Hears>) {
    let closure = Closure::<dyn FnMut(Event)>::new(move |event| act.hear(event));
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

/// Puts this into a field, unless it says so already.
pub(crate) fn set_value(field: &HtmlElement, value: &str) {
    if value_of(field) != value {
        let _ = js_sys::Reflect::set(field, &"value".into(), &value.into());
    }
}

/// What stands in a field.
pub(crate) fn value_of(element: &Element) -> String {
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
