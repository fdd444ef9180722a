//! A target with a known split: alpha, beta and gamma take 60, 30 and 10 % of
//! its CPU time on several threads, some of which start late; alpha and beta
//! are inlined into their caller.  It counts its own time by the thread clock
//! and says so every 20 ms, for a test to compare a profile with:
//!
//!     MONOTONIC-NS  alpha NS  beta NS  gamma NS  THREAD NS ...
//!
//! Usage: split [SECONDS]
//!
//! The late threads start when 30 % of the time is over.  Without SECONDS it
//! runs until it is killed, and they start once there is something to read on its
//! standard input, or that has ended.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[repr(C)]
struct Timespec {
    sec: i64,
    nsec: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, t: *mut Timespec) -> i32;
    fn poll(files: *mut Pollfd, n: u64, ms: i32) -> i32;
}

#[repr(C)]
struct Pollfd {
    file: i32,
    wanted: i16,
    got: i16,
}

const POLLIN: i16 = 1;

fn input_has_come() -> bool {
    let mut input = Pollfd { file: 0, wanted: POLLIN, got: 0 };
    unsafe { poll(&mut input, 1, 0) > 0 }
}

const MONOTONIC: i32 = 1;
const THREAD_CPU: i32 = 3;

fn clock(which: i32) -> u64 {
    let mut t = Timespec { sec: 0, nsec: 0 };
    unsafe { clock_gettime(which, &mut t) };
    t.sec as u64 * 1_000_000_000 + t.nsec as u64
}

const NAMES: [&str; 3] = ["alpha", "beta", "gamma"];
const SHARES: [u64; 3] = [6, 3, 1];
const THREADS: [&str; 4] = ["early-a", "early-b", "late-a", "late-b"];

#[allow(clippy::declare_interior_mutable_const)]
const ZERO: AtomicU64 = AtomicU64::new(0);
static SPENT: [AtomicU64; 3] = [ZERO; 3];
static THREAD: [AtomicU64; 4] = [ZERO; 4];
static DONE: AtomicBool = AtomicBool::new(false);

// Each loop stands in one line, so that the profile by line is known as well.
#[rustfmt::skip]
#[inline(always)]
fn alpha(mut x: u64, n: u64) -> u64 {
    let mut i = 0;
    while i < n { x ^= x << 13; x ^= x >> 7; x ^= x << 17; i += 1; }
    x
}

#[rustfmt::skip]
#[inline(always)]
fn beta(mut x: u64, n: u64) -> u64 {
    let mut i = 0;
    while i < n { x ^= x << 7; x ^= x >> 9; x ^= x << 8; i += 1; }
    x
}

#[rustfmt::skip]
#[inline(never)]
fn gamma(mut x: u64, n: u64) -> u64 {
    let mut i = 0;
    while i < n { x ^= x << 21; x ^= x >> 35; x ^= x << 4; i += 1; }
    x
}

#[inline(never)]
fn serve(which: usize, x: u64, n: u64) -> u64 {
    match which {
        0 => alpha(x, n),
        1 => beta(x, n),
        _ => gamma(x, n),
    }
}

/// The compiler must take it as it comes (std's black_box is of Rust 1.66).
#[inline(always)]
fn opaque(x: u64) -> u64 {
    unsafe { std::ptr::read_volatile(&x) }
}

/// Always do what is furthest behind its share, in portions of random length:
/// a regular pattern could run in step with the sampling clock.
fn worker(slot: usize) {
    let mut spent = [0u64; 3];
    let mut x = 88172645463325252u64 + slot as u64;
    let mut random = x;
    let mut before = clock(THREAD_CPU);
    while !DONE.load(Ordering::Relaxed) {
        let which = (0..3).min_by_key(|&i| spent[i] / SHARES[i]).unwrap();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        x = opaque(serve(which, opaque(x), 10_000 + random % 300_000));
        let now = clock(THREAD_CPU);
        spent[which] += now - before;
        SPENT[which].fetch_add(now - before, Ordering::Relaxed);
        THREAD[slot].fetch_add(now - before, Ordering::Relaxed);
        before = now;
    }
}

fn spawn(slot: usize) -> thread::JoinHandle<()> {
    thread::Builder::new()
        .name(THREADS[slot].into())
        .spawn(move || worker(slot))
        .unwrap()
}

fn report() {
    let mut line = format!("{}", clock(MONOTONIC));
    for i in 0..3 {
        line += &format!(" {} {}", NAMES[i], SPENT[i].load(Ordering::Relaxed));
    }
    for i in 0..4 {
        line += &format!(" {} {}", THREADS[i], THREAD[i].load(Ordering::Relaxed));
    }
    // A reader that has gone is no reason to stop.
    let _ = writeln!(std::io::stdout(), "{}", line);
}

fn main() {
    let seconds: Option<f64> = std::env::args().nth(1).and_then(|s| s.parse().ok());
    let start = Instant::now();
    let is_over = |share| seconds.map(|s| start.elapsed().as_secs_f64() > s * share);
    let mut threads = vec![spawn(0), spawn(1)];
    while !is_over(1.0).unwrap_or(false) {
        report();
        thread::sleep(Duration::from_millis(20));
        if threads.len() == 2 && is_over(0.3).unwrap_or_else(input_has_come) {
            threads.push(spawn(2));
            threads.push(spawn(3));
        }
    }
    DONE.store(true, Ordering::Relaxed);
    for t in threads {
        t.join().unwrap();
    }
    report();
}
