//! Work that leaves nothing behind in memory.
//!
//! In: work with secrets that other people's code moves about, as TLS handshakes do. Out: its result. Must hold: what the
//! work gave back to the heap, and what it used of the stack, is zero afterwards.
#![allow(
    unsafe_code,
    reason = "only an allocator sees memory that is given back"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

/// More than a handshake uses of the stack, and less than a worker has.
const STACK_BYTES: usize = 64 * 1024;

thread_local! {
    static MODE: Cell<Mode> = const { Cell::new(Mode::Plain) };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// As the system's allocator.
    Plain,
    /// What this thread gives back is wiped.
    Wiping,
}

/// Does work of which nothing is left but its result.
pub(crate) fn traceless<T>(work: impl FnOnce() -> T) -> T {
    let result = heapless(work);
    wipe_stack();
    result
}

/// Does work of which nothing is left on the heap but its result.
pub(crate) fn heapless<T>(work: impl FnOnce() -> T) -> T {
    let before = MODE.replace(Mode::Wiping);
    let result = apart(work);
    MODE.set(before);
    result
}

/// In a frame of its own, which is where [`wipe_stack`] has its own, too.
#[inline(never)]
fn apart<T>(work: impl FnOnce() -> T) -> T {
    work()
}

/// Wipes what calls from here have left on the stack.
#[inline(never)]
pub(crate) fn wipe_stack() {
    black_box(&mut [0_u8; STACK_BYTES]);
}

/// The system's allocator, which wipes what a TLS handshake gives back to it. For a program's `#[global_allocator]`; without
/// it everything works, and the heap keeps traces of keys.
#[derive(Clone, Copy, Debug)]
pub struct Allocator;

// SAFETY: all memory is the system allocator's, with the layouts that the caller gave.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the same promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the same promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if MODE.get() == Mode::Wiping {
            // SAFETY: the caller gives up a block of this size.
            unsafe { block.write_bytes(0, layout.size()) };
            // Or it would be optimised away: nobody reads it.
            black_box(block);
        }
        // SAFETY: the caller keeps the same promises.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if MODE.get() == Mode::Plain {
            // SAFETY: the caller keeps the same promises.
            return unsafe { System.realloc(block, layout, size) };
        }
        // SAFETY: the caller promises that the size is not 0 and does not overflow with this alignment.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !new.is_null() {
            // SAFETY: both are at least that long, and a block that is in use is not given out a second time.
            unsafe { std::ptr::copy_nonoverlapping(block, new, layout.size().min(size)) };
            // SAFETY: the caller gives it up.
            unsafe { self.dealloc(block, layout) };
        }
        new
    }
}
