//! An allocator that counts, in front of malloc() or (feature mimalloc) of mimalloc, and a thread
//! that says every 10 ms
//!
//!     MONOTONIC-NS  BYTES-ALLOCATED  BYTES-LIVE

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};

#[cfg(not(feature = "mimalloc"))]
extern "C" {
    fn malloc(size: usize) -> *mut u8;
    fn calloc(number: usize, size: usize) -> *mut u8;
    fn realloc(memory: *mut u8, size: usize) -> *mut u8;
    fn aligned_alloc(align: usize, size: usize) -> *mut u8;
    fn free(memory: *mut u8);
}
#[cfg(feature = "mimalloc")]
extern "C" {
    #[link_name = "mi_malloc"]
    fn malloc(size: usize) -> *mut u8;
    #[link_name = "mi_calloc"]
    fn calloc(number: usize, size: usize) -> *mut u8;
    #[link_name = "mi_realloc"]
    fn realloc(memory: *mut u8, size: usize) -> *mut u8;
    #[link_name = "mi_aligned_alloc"]
    fn aligned_alloc(align: usize, size: usize) -> *mut u8;
    #[link_name = "mi_free"]
    fn free(memory: *mut u8);
}
extern "C" {
    fn clock_gettime(clock: i32, t: *mut [i64; 2]) -> i32;
    fn write(fd: i32, from: *const u8, len: usize) -> isize;
}

const SHARDS: usize = 64;

#[repr(align(128))]
struct Shard(AtomicU64, AtomicI64);

#[allow(clippy::declare_interior_mutable_const)]
const ZERO: Shard = Shard(AtomicU64::new(0), AtomicI64::new(0));
static SHARD: [Shard; SHARDS] = [ZERO; SHARDS];
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
}

fn mine() -> &'static Shard {
    let i = MINE.try_with(|m| {
        if m.get() == usize::MAX {
            m.set(NEXT.fetch_add(1, Relaxed) % SHARDS);
        }
        m.get()
    });
    &SHARD[i.unwrap_or(0)]
}

fn add(allocated: usize, live: i64) {
    let s = mine();
    s.0.fetch_add(allocated as u64, Relaxed);
    s.1.fetch_add(live, Relaxed);
}

struct Counted;

#[global_allocator]
static COUNTED: Counted = Counted;

unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, l: Layout) -> *mut u8 {
        add(l.size(), l.size() as i64);
        if l.align() <= 16 {
            malloc(l.size())
        } else {
            aligned_alloc(l.align(), (l.size() + l.align() - 1) & !(l.align() - 1))
        }
    }

    unsafe fn alloc_zeroed(&self, l: Layout) -> *mut u8 {
        if l.align() <= 16 {
            add(l.size(), l.size() as i64);
            return calloc(1, l.size());
        }
        let memory = self.alloc(l);
        memory.write_bytes(0, l.size());
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, l: Layout) {
        add(0, -(l.size() as i64));
        free(memory)
    }

    unsafe fn realloc(&self, memory: *mut u8, l: Layout, size: usize) -> *mut u8 {
        if l.align() <= 16 {
            add(size, size as i64 - l.size() as i64);
            return realloc(memory, size);
        }
        let new = self.alloc(Layout::from_size_align_unchecked(size, l.align()));
        new.copy_from_nonoverlapping(memory, size.min(l.size()));
        self.dealloc(memory, l);
        new
    }
}

/// Formats without allocating.
struct Line([u8; 80], usize);

impl std::fmt::Write for Line {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        self.0[self.1..self.1 + s.len()].copy_from_slice(s.as_bytes());
        self.1 += s.len();
        Ok(())
    }
}

fn report() {
    let mut t = [0; 2];
    unsafe { clock_gettime(1, &mut t) };
    let allocated: u64 = SHARD.iter().map(|s| s.0.load(Relaxed)).sum();
    let live: i64 = SHARD.iter().map(|s| s.1.load(Relaxed)).sum();
    let mut line = Line([0; 80], 0);
    let _ = writeln!(line, "{} {} {}", t[0] * 1_000_000_000 + t[1], allocated, live);
    unsafe { write(1, line.0.as_ptr(), line.1) };
}

/// What is live by now stays: "base BYTES".
pub fn begin() {
    let live: i64 = SHARD.iter().map(|s| s.1.load(Relaxed)).sum();
    println!("base {}", live);
    std::thread::spawn(|| loop {
        report();
        std::thread::sleep(std::time::Duration::from_millis(10));
    });
}
