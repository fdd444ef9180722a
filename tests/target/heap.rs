//! Allocates in functions of known names, in each of some threads, and says when
//! it is ready, when it is done, and nothing more: it waits for a line on its
//! standard input before it begins, and before it ends.
//!
//! Built with --cfg counted it has an allocator that counts by itself, and prints
//! what each function has allocated and freed:
//!     site NAME allocs BYTES frees FREED live COUNT
//! The plain program does the same, call by call, with Rust's own allocator, or
//! (--cfg system) with the same one named by itself, or (--cfg jemalloc, --cfg
//! mimalloc) with jemalloc or mimalloc linked in.
//!
//!     heap [THREADS [ROUNDS [warm]]]
//!
//! warm: until the first line has come, a thread allocates and frees whatever.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

#[cfg(counted)]
mod counted {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    pub const SITES: usize = 32;

    #[allow(clippy::declare_interior_mutable_const)]
    const ZERO: AtomicUsize = AtomicUsize::new(0);
    pub static ALLOCS: [AtomicUsize; SITES] = [ZERO; SITES];
    pub static BYTES: [AtomicUsize; SITES] = [ZERO; SITES];
    pub static FREES: [AtomicUsize; SITES] = [ZERO; SITES];
    pub static FREED: [AtomicUsize; SITES] = [ZERO; SITES];

    pub struct Counting;

    /// Before the memory stand its site and its size.
    fn head(layout: Layout) -> usize {
        layout.align().max(16)
    }

    unsafe fn mark(base: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let site = super::SITE.with(|s| s.get());
        let memory = base.add(head(layout));
        (memory as *mut usize).sub(1).write(size);
        (memory as *mut usize).sub(2).write(site);
        ALLOCS[site].fetch_add(1, Relaxed);
        BYTES[site].fetch_add(size, Relaxed);
        memory
    }

    unsafe fn gone(memory: *mut u8) {
        let size = (memory as *mut usize).sub(1).read();
        let site = (memory as *mut usize).sub(2).read();
        FREES[site].fetch_add(1, Relaxed);
        FREED[site].fetch_add(size, Relaxed);
    }

    fn whole(layout: Layout, size: usize) -> Option<Layout> {
        let all = size.checked_add(head(layout))?;
        Layout::from_size_align(all, head(layout)).ok()
    }

    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            match whole(layout, layout.size()).map(|l| System.alloc(l)) {
                Some(base) if !base.is_null() => mark(base, layout, layout.size()),
                _ => std::ptr::null_mut(),
            }
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            match whole(layout, layout.size()).map(|l| System.alloc_zeroed(l)) {
                Some(base) if !base.is_null() => mark(base, layout, layout.size()),
                _ => std::ptr::null_mut(),
            }
        }

        unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
            gone(memory);
            System.dealloc(memory.sub(head(layout)), whole(layout, layout.size()).unwrap());
        }

        unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            let old = whole(layout, layout.size()).unwrap();
            let site = (memory as *mut usize).sub(2).read();
            let was = (memory as *mut usize).sub(1).read();
            let base = match whole(layout, size) {
                Some(l) => System.realloc(memory.sub(head(layout)), old, l.size()),
                None => std::ptr::null_mut(),
            };
            if base.is_null() {
                return base;
            }
            FREES[site].fetch_add(1, Relaxed);
            FREED[site].fetch_add(was, Relaxed);
            mark(base, layout, size)
        }
    }
}

#[cfg(counted)]
#[global_allocator]
static COUNTING: counted::Counting = counted::Counting;

#[cfg(system)]
#[global_allocator]
static SYSTEM: std::alloc::System = std::alloc::System;

#[cfg(jemalloc)]
mod jemalloc {
    use std::alloc::{GlobalAlloc, Layout};

    extern "C" {
        fn malloc(size: usize) -> *mut u8;
        fn mallocx(size: usize, flags: i32) -> *mut u8;
        fn calloc(number: usize, size: usize) -> *mut u8;
        fn realloc(memory: *mut u8, size: usize) -> *mut u8;
        fn rallocx(memory: *mut u8, size: usize, flags: i32) -> *mut u8;
        fn sdallocx(memory: *mut u8, size: usize, flags: i32);
    }

    const ZERO: i32 = 0x40;

    /// The alignment, where it is more than what comes by itself.
    fn flags(align: usize, size: usize) -> i32 {
        if align <= 16 && align <= size { 0 } else { align.trailing_zeros() as i32 }
    }

    pub struct Jemalloc;

    unsafe impl GlobalAlloc for Jemalloc {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            match flags(layout.align(), layout.size()) {
                0 => malloc(layout.size()),
                flags => mallocx(layout.size(), flags),
            }
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            match flags(layout.align(), layout.size()) {
                0 => calloc(1, layout.size()),
                flags => mallocx(layout.size(), flags | ZERO),
            }
        }

        unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
            sdallocx(memory, layout.size(), flags(layout.align(), layout.size()))
        }

        unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            match flags(layout.align(), size) {
                0 => realloc(memory, size),
                flags => rallocx(memory, size, flags),
            }
        }
    }
}

#[cfg(jemalloc)]
#[global_allocator]
static JEMALLOC: jemalloc::Jemalloc = jemalloc::Jemalloc;

#[cfg(mimalloc)]
mod mimalloc {
    use std::alloc::{GlobalAlloc, Layout};

    extern "C" {
        fn mi_malloc_aligned(size: usize, align: usize) -> *mut u8;
        fn mi_zalloc_aligned(size: usize, align: usize) -> *mut u8;
        fn mi_realloc_aligned(memory: *mut u8, size: usize, align: usize) -> *mut u8;
        fn mi_free(memory: *mut u8);
    }

    pub struct MiMalloc;

    /// As the crate of that name calls it.
    unsafe impl GlobalAlloc for MiMalloc {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            mi_malloc_aligned(layout.size(), layout.align())
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            mi_zalloc_aligned(layout.size(), layout.align())
        }

        unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            mi_realloc_aligned(memory, size, layout.align())
        }

        unsafe fn dealloc(&self, memory: *mut u8, _: Layout) {
            mi_free(memory)
        }
    }
}

#[cfg(mimalloc)]
#[global_allocator]
static MIMALLOC: mimalloc::MiMalloc = mimalloc::MiMalloc;

thread_local! {
    /// Which function allocates.  No destructor, so it is there to the very end.
    static SITE: Cell<usize> = const { Cell::new(0) };
}

#[allow(dead_code)]
static SENT: Mutex<Vec<Box<[u8; 48]>>> = Mutex::new(Vec::new());

#[repr(align(64))]
struct Wide(#[allow(dead_code)] [u8; 64]);

/// The compiler must not see through it (std's black_box is of Rust 1.66).
#[inline(never)]
fn keep<T>(t: T) -> T {
    unsafe { std::ptr::read_volatile(&std::mem::ManuallyDrop::new(t) as *const _ as *const T) }
}

macro_rules! sites {
    ($($number:literal $name:ident: $body:expr;)*) => {
        $(
            #[inline(never)]
            fn $name(n: usize) {
                let before = SITE.with(|s| s.replace($number));
                let body: fn(usize) = $body;
                body(n);
                SITE.with(|s| s.set(before));
            }
        )*
        const NAMES: &[(&str, fn(usize))] = &[$((stringify!($name), $name),)*];
    };
}

#[inline(never)]
fn descend(depth: usize) -> usize {
    if depth == 0 {
        return *keep(Box::new(1usize));
    }
    keep(descend(depth - 1)) + 1
}

sites! {
    1 site_box: |n| for i in 0..n { drop(keep(Box::new(i))) };
    2 site_vec: |n| { let mut v = Vec::new(); for i in 0..n * 10 { v.push(i as u32) } drop(keep(v)) };
    3 site_string: |n| for i in 0..n { drop(keep(format!("number {} of {}", i, n))) };
    4 site_map: |n| { let mut m = HashMap::new(); for i in 0..n { m.insert(i, i as u8); } drop(keep(m)) };
    5 site_arc: |n| { let a = Arc::new([0u8; 100]); for _ in 0..n { drop(keep(a.clone())) } };
    6 site_zeroed: |n| for i in 1..n { drop(keep(vec![0u8; 32 * i])) };
    7 site_wide: |n| for _ in 0..n { drop(keep(Box::new(Wide([1; 64])))) };
    8 site_wide_vec: |n| { let mut v = Vec::new(); for _ in 0..n { v.push(Wide([2; 64])) } drop(keep(v)) };
    9 site_shrunk: |n| for i in 0..n {
        let mut s = String::with_capacity(1000 + i);
        s.push('x');
        drop(keep(s.into_boxed_str()))
    };
    10 site_panic: |n| for _ in 0..if cfg!(panic = "abort") { 0 } else { n / 10 } {
        let _ = std::panic::catch_unwind(|| { let b = keep(Box::new(7)); if *b == 7 { panic!("{}", b) } });
    };
    11 site_failed: |n| for _ in 0..n { let mut v: Vec<u8> = Vec::new(); assert!(v.try_reserve(1 << 60).is_err()) };
    12 site_kept: |n| for i in 0..n { std::mem::forget(keep(Box::new([i; 3]))) };
    13 site_sent: |n| for _ in 0..n {
        let b = keep(Box::new([3u8; 48]));
        let before = SITE.with(|s| s.replace(14));
        push_sent(b);
        SITE.with(|s| s.set(before));
    };
    14 push_sent_: |_| ();
    15 site_deep: |n| for _ in 0..n / 4 { keep(descend(64)); };
    16 site_grown: |n| { let mut v: Vec<u8> = Vec::with_capacity(8); for _ in 0..n * 1000 { v.push(1) } std::mem::forget(keep(v)) };
}

#[inline(never)]
fn push_sent(b: Box<[u8; 48]>) {
    SENT.lock().unwrap().push(b);
}

/// Of every kind, all the time.
fn warm(stop: &std::sync::atomic::AtomicBool) {
    let mut kept: Vec<Vec<u16>> = Vec::new();
    let mut i = 0;
    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
        i += 1;
        let mut v: Vec<u16> = Vec::with_capacity(i % 97 + 1);
        for j in 0..i % 301 {
            v.push(j as u16);
        }
        kept.push(v);
        drop(keep(vec![0u8; i % 997 + 1]));
        drop(keep(Box::new(Wide([3; 64]))));
        drop(keep(format!("{} of {:?}", i, kept.len())));
        let mut wide = Vec::new();
        for _ in 0..i % 9 {
            wide.push(Wide([4; 64]));
        }
        drop(keep(wide));
        if kept.len() > 500 {
            kept.swap_remove(i % 500);
        }
        std::thread::yield_now();
    }
}

fn work(rounds: usize) {
    for _ in 0..rounds {
        for (_, site) in NAMES {
            site(100);
        }
    }
}

fn await_line() {
    let mut buffer = [0u8; 1];
    let stdin = std::io::stdin();
    let mut locked = stdin.lock();
    while locked.read(&mut buffer).unwrap_or(0) == 1 && buffer[0] != b'\n' {}
}

fn say(text: &str) {
    let out = std::io::stdout();
    let mut out = out.lock();
    let _ = writeln!(out, "{}", text);
    let _ = out.flush();
}

#[cfg(counted)]
fn tell() {
    use std::sync::atomic::Ordering::Relaxed;
    let mut text = String::new();
    for (i, (name, _)) in NAMES.iter().enumerate() {
        let n = |a: &[std::sync::atomic::AtomicUsize; counted::SITES]| a[i + 1].load(Relaxed);
        let (allocs, bytes) = (n(&counted::ALLOCS), n(&counted::BYTES));
        let (frees, freed) = (n(&counted::FREES), n(&counted::FREED));
        text += &format!("site {} {} {} {} {} {} {}\n", name.trim_end_matches('_'), allocs,
            bytes, frees, freed, bytes - freed, allocs - frees);
    }
    print!("{}", text);
}

fn main() {
    let number = |i: usize, other: usize| {
        std::env::args().nth(i).and_then(|s| s.parse().ok()).unwrap_or(other)
    };
    let (threads, rounds) = (number(1, 1), number(2, 3));
    std::panic::set_hook(Box::new(|_| ()));
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let other = stop.clone();
    let warming = std::env::args().nth(3).map(|_| std::thread::spawn(move || warm(&other)));
    say("ready");
    await_line();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    warming.map(|t| t.join());
    if threads == 1 {
        work(rounds);
    } else {
        let all: Vec<_> = (0..threads)
            .map(|_| std::thread::spawn(move || work(rounds)))
            .collect();
        for t in all {
            t.join().unwrap();
        }
    }
    let half = SENT.lock().unwrap().len() / 2;
    SENT.lock().unwrap().truncate(half);
    #[cfg(counted)]
    tell();
    say("done");
    await_line();
}
