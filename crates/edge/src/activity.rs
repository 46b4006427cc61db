//! What a connection is doing, as far as its bytes must know.

use std::cell::Cell;
use std::rc::Rc;

use tokio::time::Instant;

/// Shared by the bytes of a connection and the calls on it.
#[derive(Debug)]
pub(crate) struct Activity {
    /// A call is worked on, or its answer is not handed over yet.
    busy: Cell<bool>,
    /// Since when no call is.
    idle_since: Cell<Instant>,
    /// When the first byte of the next head came.
    head_since: Cell<Option<Instant>>,
    /// Everything that was to be written is written, so that whatever comes next is no part of an answer.
    settled: Cell<bool>,
    /// No call came yet.
    is_new: Cell<bool>,
    /// The other side may still be sending what nobody is going to read.
    unread: Cell<bool>,
}

impl Activity {
    /// Of a new connection.
    pub(crate) fn new() -> Self {
        Self {
            busy: Cell::new(false),
            idle_since: Cell::new(Instant::now()),
            head_since: Cell::new(None),
            settled: Cell::new(true),
            is_new: Cell::new(true),
            unread: Cell::new(false),
        }
    }

    /// A call begins; it ends when what this gives is dropped.
    pub(crate) fn begin(self: &Rc<Self>) -> InFlight {
        self.busy.set(true);
        self.head_since.set(None);
        self.settled.set(false);
        self.is_new.set(false);
        self.unread.set(false);
        InFlight(Rc::clone(self))
    }

    /// Bytes came. Between calls they are those of a head.
    pub(crate) fn read(&self) {
        if !self.busy.get() && self.head_since.get().is_none() {
            self.head_since.set(Some(Instant::now()));
        }
    }

    /// Everything is written; whether that was not so before. Only from here on a next head is waited for.
    pub(crate) fn flushed(&self) -> bool {
        if self.busy.get() || self.settled.replace(true) {
            return false;
        }
        self.idle_since.set(Instant::now());
        true
    }

    /// Whether what is written now can only be a refusal of the head that came last.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.get() && !self.busy.get()
    }

    /// Since when a head is awaited, and whether it has begun or is the first.
    pub(crate) fn awaited(&self) -> (Instant, bool) {
        match self.head_since.get() {
            Some(since) => (since, true),
            None => (self.idle_since.get(), self.is_new.get()),
        }
    }

    /// Whether a head has begun.
    pub(crate) fn has_head_begun(&self) -> bool {
        self.head_since.get().is_some()
    }

    /// The other side sends what nobody is going to read.
    pub(crate) fn leave_unread(&self) {
        self.unread.set(true);
    }

    /// What it sent was read.
    pub(crate) fn has_read_all(&self) {
        self.unread.set(false);
    }

    /// Whether it does.
    pub(crate) fn is_unread(&self) -> bool {
        self.unread.get()
    }
}

/// A call that is worked on.
#[derive(Debug)]
pub(crate) struct InFlight(Rc<Activity>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.busy.set(false);
        self.0.idle_since.set(Instant::now());
    }
}
