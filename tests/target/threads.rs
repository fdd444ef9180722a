//! Threads that each wait, or spin, at a place that a test knows:
//!
//!     lock   waits for a mutex that main holds
//!     nap    sleeps
//!     recv   waits for a byte from a socket
//!     spin   runs
//!     deep   waits 4000 calls deep
//!     large  waits with 2 MiB on its stack
//!
//! main waits for its standard input to end, having told that all of them are
//! where they shall be: "ready".
//!
//! Usage: threads

use std::arch::asm;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

static MUTEX: Mutex<u64> = Mutex::new(0);
static READY: AtomicU32 = AtomicU32::new(0);
static NEVER: AtomicBool = AtomicBool::new(false);

/// The compiler must take it as it comes (std's black_box is of Rust 1.66).
#[inline(always)]
fn opaque<T>(x: T) -> T {
    unsafe { asm!("/* {} */", in(reg) &x as *const T, options(nostack, preserves_flags)) };
    x
}

#[inline(always)]
fn here() {
    READY.fetch_add(1, Ordering::SeqCst);
}

#[inline(never)]
fn lock() {
    here();
    *MUTEX.lock().unwrap() += 1;
}

#[inline(never)]
fn nap() {
    here();
    thread::sleep(Duration::from_secs(1_000_000));
}

#[inline(never)]
fn recv() {
    let (mut a, b) = UnixStream::pair().unwrap();
    here();
    let mut byte = [0];
    let _ = a.read(&mut byte);
    drop(b);
}

#[inline(always)]
fn turn(x: u64) -> u64 {
    let mut x = x;
    while !NEVER.load(Ordering::Relaxed) {
        x = opaque(x ^ x << 13);
    }
    x
}

#[inline(never)]
fn spin() {
    here();
    opaque(turn(opaque(1)));
}

#[inline(never)]
fn descend(levels: u64) -> u64 {
    if levels == 0 {
        nap();
        return opaque(1);
    }
    opaque(descend(levels - 1)) + 1
}

#[inline(never)]
fn deep() {
    opaque(descend(opaque(4000)));
}

#[inline(never)]
fn large() {
    let room = opaque([1u8; 2 << 20]);
    nap();
    opaque(room);
}

fn start(name: &str, f: fn()) {
    let t = thread::Builder::new().name(name.into()).stack_size(8 << 20);
    t.spawn(f).unwrap();
}

fn main() {
    let guard = MUTEX.lock().unwrap();
    start("lock", lock);
    start("nap", nap);
    start("recv", recv);
    start("spin", spin);
    start("deep", deep);
    start("large", large);
    while READY.load(Ordering::SeqCst) < 6 {
        thread::yield_now();
    }
    println!("ready");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    drop(guard);
}
