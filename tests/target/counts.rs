//! counts: allocates now and then, by an allocator of its own, which counts and then
//! calls that of the system, until it is killed.
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

struct Counts(AtomicUsize);

unsafe impl GlobalAlloc for Counts {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static COUNTS: Counts = Counts(AtomicUsize::new(0));

/// The compiler must take it as it comes (std's black_box is of Rust 1.66).
#[inline(never)]
fn opaque<T>(t: T) -> T {
    let t = std::mem::ManuallyDrop::new(t);
    unsafe { std::ptr::read_volatile(&*t) }
}

fn main() {
    loop {
        opaque(vec![0u8; opaque(4096)]);
        opaque((0..opaque(100)).collect::<Vec<u64>>());
        std::thread::sleep(Duration::from_millis(10));
    }
}
