//! steady: does the same in each run.
//!
//!     steady work PERCENT SECONDS   spends so many seconds of CPU time in two functions: of
//!                                   quarter and rest, quarter has a fourth of the work, and
//!                                   PERCENT of that more; says what share of its time
//!                                   quarter had by its own clock, in percent
//!     steady allocs                 makes 1200 allocations in parse, 345 in build and 78 in
//!                                   names, and says so
//!
//! The portions of work, of some milliseconds each, are of random length, since a regular pattern
//! could run in step with the sampling clock; they are the same in each run.

#[repr(C)]
struct Timespec {
    sec: i64,
    nsec: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, t: *mut Timespec) -> i32;
}

const PROCESS_CPU: i32 = 2;

fn cpu_time() -> f64 {
    let mut t = Timespec { sec: 0, nsec: 0 };
    unsafe { clock_gettime(PROCESS_CPU, &mut t) };
    t.sec as f64 + t.nsec as f64 / 1e9
}

/// Xorshift: no compiler knows where that ends.
#[inline(always)]
fn turn(mut x: u64, n: u64) -> u64 {
    for _ in 0..n {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    x
}

#[inline(never)]
fn quarter(x: u64, n: u64) -> u64 {
    turn(x, n) ^ 1 << 63
}

#[inline(never)]
fn rest(x: u64, n: u64) -> u64 {
    turn(x, n) ^ 1 << 62
}

/// From half of a mean to half as much again.
fn portion(x: u64, mean: u64) -> u64 {
    mean / 2 + (x >> 33) % (mean + 1)
}

/// Returns the share that quarter had, and a number that is of no use.
fn work(percent: u64, seconds: f64) -> (f64, u64) {
    let (mut x, mut spent, mut now) = (42, 0.0, cpu_time());
    let began = now;
    while now < seconds {
        x = quarter(x, portion(x, 20_000 * (100 + percent)));
        spent += cpu_time() - now;
        x = rest(x, portion(x, 6_000_000));
        now = cpu_time();
    }
    (spent / (now - began), x)
}

#[inline(never)]
fn parse(kept: &mut Vec<Vec<u8>>) {
    for i in 0..1200 {
        kept.push(Vec::with_capacity(16 + i % 64));
    }
}

#[inline(never)]
fn build(kept: &mut Vec<Box<[u64; 4]>>) {
    for i in 0..345 {
        kept.push(Box::new([i; 4]));
    }
}

#[inline(never)]
fn names(kept: &mut Vec<String>) {
    for i in 0..78 {
        let mut s = String::with_capacity(32);
        s.push((b'a' + i % 26) as char);
        kept.push(s);
    }
}

/// The vectors that keep them have room before anything is counted.
fn allocs() -> usize {
    let mut parsed = Vec::with_capacity(1200);
    let mut built = Vec::with_capacity(345);
    let mut named = Vec::with_capacity(78);
    parse(&mut parsed);
    build(&mut built);
    names(&mut named);
    println!("parse 1200 build 345 names 78");
    parsed.len() + built.len() + named.len()
}

fn main() {
    let arg: Vec<String> = std::env::args().collect();
    match arg.get(1).map(String::as_str) {
        Some("work") => {
            let percent = arg[2].parse().unwrap();
            let (share, number) = work(percent, arg[3].parse().unwrap());
            println!("{:.3} {}", share * 100.0, number);
        }
        Some("allocs") => {
            allocs();
        }
        _ => std::process::exit(2),
    }
}
