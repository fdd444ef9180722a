//! Allocates in rounds, and counts what it does.
//!
//!     rounds [RATE [THREADS]]
//!
//! In a round each thread makes a few short-lived strings, replaces the oldest block of a
//! queue of 40,000 and, in one of 64 rounds, keeps a block for ever.  RATE: rounds a second,
//! in steps of a millisecond; 0: as many as it can.
//!
//! For each line on standard input it prints what its functions have allocated so far, in
//! bytes, and what lives of that:
//!     rounds N queue BYTES LIVE leak BYTES LIVE strings BYTES LIVE
//! A line "log" is answered with what it had done at every hundredth of a second, as "at NS
//! CPU-NS ROUNDS", and "end".  It ends with its input.

use std::collections::VecDeque;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const QUEUE: usize = 40_000;
const BOX: usize = 112;
const KEPT: usize = 64;
const STRINGS: usize = 3;
const STRING: usize = 311;
const LEAK_EVERY: u64 = 64;
const LOG_NS: u64 = 10_000_000;
const MOST: usize = 64;

#[repr(C)]
struct Timespec {
    seconds: i64,
    ns: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, out: *mut Timespec) -> i32;
}

const MONOTONIC: i32 = 1;
const CPU: i32 = 2;

fn now(clock: i32) -> u64 {
    let mut t = Timespec { seconds: 0, ns: 0 };
    unsafe { clock_gettime(clock, &mut t) };
    t.seconds as u64 * 1_000_000_000 + t.ns as u64
}

#[allow(clippy::declare_interior_mutable_const)]
const ZERO: AtomicU64 = AtomicU64::new(0);
#[repr(align(128))]
struct Count(AtomicU64);
#[allow(clippy::declare_interior_mutable_const)]
const NONE: Count = Count(ZERO);
static ROUNDS: [Count; MOST] = [NONE; MOST];

#[inline(never)]
fn queue_one(queue: &mut VecDeque<Box<[u8; BOX]>>, x: u8) {
    queue.push_back(Box::new([x; BOX]));
}

#[inline(never)]
fn leak_one(x: u8) {
    std::mem::forget(black_box(Box::new([x; KEPT])));
}

#[inline(never)]
fn short_strings(x: u8) -> usize {
    let mut sum = 0;
    for i in 0..STRINGS {
        let mut s = String::with_capacity(STRING);
        s.push((b'a' + (x.wrapping_add(i as u8) & 15)) as char);
        sum += black_box(&s).len();
    }
    sum
}

/// Work until the process ends.
fn work(number: usize, rate: u64) {
    let mut queue = VecDeque::with_capacity(QUEUE + 1);
    let mut n = 0u64;
    let begin = now(MONOTONIC);
    loop {
        for _ in 0..if rate == 0 { 1000 } else { rate / 1000 } {
            let x = n as u8;
            black_box(short_strings(x));
            queue_one(&mut queue, x);
            if queue.len() > QUEUE {
                queue.pop_front();
            }
            if n % LEAK_EVERY == 0 {
                leak_one(x);
            }
            n += 1;
            ROUNDS[number].0.store(n, Relaxed);
        }
        if rate != 0 {
            let (due, is) = (begin + n / (rate / 1000) * 1_000_000, now(MONOTONIC));
            if due > is {
                std::thread::sleep(Duration::from_nanos(due - is));
            }
        }
    }
}

fn sum() -> u64 {
    ROUNDS.iter().map(|n| n.0.load(Relaxed)).sum()
}

fn report() {
    let (mut n, mut queued, mut kept) = (0, 0, 0);
    for r in &ROUNDS {
        let r = r.0.load(Relaxed);
        n += r;
        queued += r.min(QUEUE as u64);
        kept += (r + LEAK_EVERY - 1) / LEAK_EVERY;
    }
    println!(
        "rounds {} queue {} {} leak {} {} strings {} 0",
        n,
        n * BOX as u64,
        queued * BOX as u64,
        kept * KEPT as u64,
        kept * KEPT as u64,
        n * (STRINGS * STRING) as u64
    );
}

fn main() {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<u64>().unwrap());
    let rate = args.next().unwrap_or(0);
    let threads = args.next().unwrap_or(1) as usize;
    for i in 0..threads {
        std::thread::spawn(move || work(i, rate));
    }
    std::thread::spawn(|| {
        let mut log = Vec::with_capacity(1 << 20);
        loop {
            std::thread::sleep(Duration::from_nanos(LOG_NS - now(MONOTONIC) % LOG_NS));
            log.push((now(MONOTONIC), now(CPU), sum()));
            let mut shared = LOG.lock().unwrap();
            shared.1 = log.len();
            shared.0 = log.as_ptr() as usize;
        }
    });
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        match line.as_deref() {
            Ok("log") => {
                let (at, n) = *LOG.lock().unwrap();
                let log = unsafe { std::slice::from_raw_parts(at as *const (u64, u64, u64), n) };
                let mut out = std::io::BufWriter::new(std::io::stdout());
                for (time, cpu, rounds) in log {
                    writeln!(out, "at {} {} {}", time, cpu, rounds).unwrap();
                }
                writeln!(out, "end").unwrap();
            }
            _ => report(),
        }
        std::io::stdout().flush().unwrap();
    }
}

static LOG: std::sync::Mutex<(usize, usize)> = std::sync::Mutex::new((0, 0));
