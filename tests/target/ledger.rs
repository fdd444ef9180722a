//! ledger: allocates 2.3 million times a second, or as fast as it can, and keeps its own
//! account of it, until it is killed.
//!
//!     ledger [flat]
//!
//! A queue of boxes is all new every 87 ms, strings live shortly, and a leak is slow.
//! Every 50 ms of that pace it says "at TIME ROUNDS CPU", and of each kind its name, live
//! and allocated bytes.
use std::collections::VecDeque;
use std::io::Write;
use std::time::{Duration, Instant};

#[repr(C)]
struct Times(i64, i64);
extern "C" {
    fn clock_gettime(clock: i32, t: *mut Times) -> i32;
}

fn clock(which: i32) -> u64 {
    let mut t = Times(0, 0);
    unsafe { clock_gettime(which, &mut t) };
    t.0 as u64 * 1_000_000_000 + t.1 as u64
}

/// The compiler must take it as it comes (std's black_box is of Rust 1.66).
#[inline(never)]
fn opaque<T>(t: T) -> T {
    let t = std::mem::ManuallyDrop::new(t);
    unsafe { std::ptr::read_volatile(&*t) }
}

#[inline(never)]
fn queue_box(n: u64) -> Box<[u64; 14]> {
    Box::new([n; 14])
}

#[inline(never)]
fn short_string(n: u64) -> String {
    let mut s = String::with_capacity(opaque(100 + (n % 200) as usize));
    s.push('x');
    s
}

#[inline(never)]
fn slow_leak(n: u64) -> Vec<u64> {
    vec![n; 50]
}

fn main() {
    let flat = std::env::args().nth(1).as_deref() == Some("flat");
    let mut queue = VecDeque::with_capacity(50_000);
    let (mut boxes, mut string_bytes, mut leaks, mut n) = (0u64, 0u64, 0u64, 0u64);
    let out = std::io::stdout();
    let mut due = Instant::now();
    loop {
        for _ in 0..460 {
            n += 1;
            queue.push_back(queue_box(n));
            boxes += 1;
            if queue.len() > 40_000 {
                queue.pop_front();
            }
            for i in 0..4 {
                let s = opaque(short_string(n * 4 + i));
                string_bytes += s.capacity() as u64;
            }
            if n % 384 == 0 {
                std::mem::forget(opaque(slow_leak(n)));
                leaks += 1;
            }
        }
        if n % (460 * 50) == 0 {
            let _ = writeln!(
                out.lock(),
                "at {} {} {} queue_box {} {} short_string 0 {} slow_leak {} {}",
                clock(1), n, clock(2), queue.len() * 112, boxes * 112, string_bytes,
                leaks * 400, leaks * 400
            );
        }
        if !flat {
            due += Duration::from_millis(1);
            if let Some(left) = due.checked_duration_since(Instant::now()) {
                std::thread::sleep(left);
            }
        }
    }
}
