//! A target that does a bit of everything a real program does, in three
//! crates and as many threads as there are, so that samples fall into all
//! kinds of code: generic and dynamic calls, libstd, libc and its assembly,
//! the vDSO, callbacks from C, signal handlers, and unwinding.
//!
//! Usage: mixed [SECONDS [steady]]    (0: until it is killed)
//!
//! Steady, it does not start threads again and again.

extern crate shapes;
extern crate text;

use std::collections::{BTreeMap, HashMap};
use std::os::unix::thread::JoinHandleExt;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

#[repr(C)]
struct Sigaction {
    handler: extern "C" fn(i32),
    mask: [u64; 16],
    flags: i32,
    restorer: usize,
}

extern "C" {
    fn qsort(
        base: *mut u64,
        n: usize,
        size: usize,
        order: extern "C" fn(*const u64, *const u64) -> i32,
    );
    fn sigaction(signal: i32, new: *const Sigaction, old: *mut Sigaction) -> i32;
    fn pthread_kill(thread: std::os::unix::thread::RawPthread, signal: i32) -> i32;
}

const SIGUSR1: i32 = 10;
const SA_RESTART: i32 = 0x1000_0000;

/// The compiler must take it as it comes (std's black_box is of Rust 1.66).
#[inline(always)]
fn opaque<T>(x: T) -> T {
    unsafe {
        std::arch::asm!("/* {} */", in(reg) &x as *const T, options(nostack, preserves_flags))
    };
    x
}

struct Random(u64);

impl Iterator for Random {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Some(self.0)
    }
}

fn hash_map(r: &mut Random) -> u64 {
    let mut m = HashMap::new();
    for x in r.take(5000) {
        *m.entry(format!("key-{}", x % 700)).or_insert(0) += x & 0xff;
    }
    m.iter()
        .filter(|(k, _)| k.ends_with('7'))
        .map(|(_, v)| v)
        .sum()
}

fn tree_map(r: &mut Random) -> u64 {
    let m: BTreeMap<u64, Vec<u8>> = r
        .take(4000)
        .map(|x| (x % 3000, x.to_le_bytes().to_vec()))
        .collect();
    m.range(100..2000).map(|(k, v)| k + v[0] as u64).sum()
}

fn sorting(r: &mut Random) -> u64 {
    let mut v: Vec<(u64, String)> = r.take(2000).map(|x| (x % 100, x.to_string())).collect();
    v.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| b.1.cmp(&a.1)));
    let mut w: Vec<u64> = r.take(20_000).collect();
    w.sort_unstable_by_key(|x| std::cmp::Reverse(x.rotate_left(9)));
    v[7].0 + w[7]
}

extern "C" fn order(a: *const u64, b: *const u64) -> i32 {
    unsafe { (*a).cmp(&*b) as i32 }
}

fn callback_from_c(r: &mut Random) -> u64 {
    let mut v: Vec<u64> = r.take(5000).collect();
    unsafe { qsort(v.as_mut_ptr(), v.len(), 8, order) };
    v[3]
}

fn json(r: &mut Random) -> u64 {
    let items: Vec<String> = r
        .take(200)
        .map(|x| {
            format!(
                "{{\"id\": {}, \"tags\": [\"a{}\", true, null], \"x\": {{\"y\": -{}.5e3}}}}",
                x,
                x % 9,
                x % 77
            )
        })
        .collect();
    let source = format!("[{}]", items.join(", "));
    let v = text::Reader::read(&source).unwrap();
    let mut out = String::new();
    text::write(&v, &mut out);
    out.len() as u64
}

fn patterns(r: &mut Random) -> u64 {
    let s: String = r
        .take(3000)
        .map(|x| (b'a' + (x % 4) as u8) as char)
        .collect();
    (text::count("a*b(c|da)*d", &s) + text::count("(ab|ba).*", &s[..200])) as u64
}

fn shapes_by_area(r: &mut Random) -> u64 {
    let mut list = shapes::some(900 + (r.next().unwrap() % 100) as usize);
    let middle = shapes::rank(&mut list, 450, |s| s.area());
    middle.name().len() as u64
}

fn copying(r: &mut Random) -> u64 {
    let mut a = vec![1u8; 1 << 19];
    let mut b = Vec::with_capacity(1 << 19);
    for x in r.take(6) {
        a.iter_mut().step_by(4096).for_each(|c| *c ^= x as u8);
        b.clear();
        b.extend_from_slice(opaque(&a));
        opaque(&mut a[..]).copy_from_slice(&b);
        opaque(&mut b[..]).fill(x as u8);
    }
    b[9] as u64
}

fn clocks(_: &mut Random) -> u64 {
    let start = Instant::now();
    (0..3000)
        .map(|_| start.elapsed().subsec_nanos() as u64)
        .sum()
}

fn files(r: &mut Random) -> u64 {
    use std::io::Write;
    let mut null = std::fs::File::create("/dev/null").unwrap();
    for x in r.take(100) {
        writeln!(null, "{} {:?}", x, x.checked_mul(3)).unwrap();
    }
    std::fs::read("/proc/self/stat").unwrap().len() as u64
}

#[inline(never)]
fn fibonacci(n: u64) -> u64 {
    if opaque(n) < 2 {
        n
    } else {
        fibonacci(n - 1) + fibonacci(n - 2)
    }
}

#[inline(never)]
fn deep(n: u64, r: &mut Random) -> u64 {
    if n == 0 {
        return r.take(3000).fold(0, |a, x| a ^ x);
    }
    opaque(deep(opaque(n - 1), r)) + 1
}

fn recursion(r: &mut Random) -> u64 {
    fibonacci(16) + deep(200, r) + deep(150, r)
}

#[inline(never)]
fn large_frame(n: u64, r: &mut Random) -> u64 {
    let mut room = [0u64; 2000];
    for (to, x) in room.iter_mut().zip(r.take(700)) {
        *to = x;
    }
    let room = opaque(&mut room);
    if n == 0 {
        return room.iter().fold(0, |a, x| a ^ x);
    }
    large_frame(n - 1, r) ^ room[n as usize]
}

#[repr(align(64))]
struct Aligned([f32; 64]);

/// The compiler aligns the stack for this, and finds its frame by rbp.
#[inline(never)]
fn aligned_frame(n: u64, r: &mut Random) -> u64 {
    let mut a = Aligned([0.5; 64]);
    let mut sum = 0.0;
    for x in r.take(300) {
        let room = opaque(&mut a);
        room.0[(x % 64) as usize] += 1.0;
        sum += room.0.iter().sum::<f32>();
    }
    sum as u64 + if n > 0 { aligned_frame(n - 1, r) } else { 0 }
}

fn frames(r: &mut Random) -> u64 {
    large_frame(2, r) + aligned_frame(5, r)
}

fn arithmetic(r: &mut Random) -> u64 {
    let wide = r
        .take(600)
        .fold(1u128, |a, x| (a << 3 | 1) % (x as u128 * x as u128 + 3));
    let real: f64 = r
        .take(3000)
        .map(|x| (x as f64).sin() + (x as f64).ln())
        .sum();
    wide as u64 ^ real as u64
}

struct Guard<'a>(&'a mut u64);

impl<'a> Drop for Guard<'a> {
    fn drop(&mut self) {
        *self.0 += 1;
    }
}

#[inline(never)]
fn fall(n: u64, dropped: &mut u64) -> u64 {
    let mut mine = 0;
    let guard = Guard(dropped);
    if opaque(n) == 0 {
        panic!("as far down as it goes");
    }
    mine += fall(n - 1, &mut *guard.0);
    opaque(mine)
}

/// Panics and catches them, where the build does not abort at a panic.
fn panics(_: &mut Random) -> u64 {
    let mut dropped = 0;
    if cfg!(panic = "unwind") {
        for _ in 0..5 {
            let caught =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| fall(20, &mut dropped)));
            assert!(caught.is_err());
        }
    }
    dropped
}

fn channels(r: &mut Random) -> u64 {
    let (to, from) = mpsc::channel::<Vec<u64>>();
    let reader = thread::spawn(move || {
        from.iter()
            .map(|v| v.iter().fold(0, |a, x| a ^ x))
            .fold(0, |a, x| a ^ x)
    });
    for x in r.take(60) {
        to.send(Random(x).take(500).collect()).unwrap();
    }
    drop(to);
    reader.join().unwrap()
}

type Job = fn(&mut Random) -> u64;

const JOBS: [Job; 15] = [
    hash_map,
    tree_map,
    sorting,
    callback_from_c,
    json,
    patterns,
    shapes_by_area,
    copying,
    clocks,
    files,
    recursion,
    frames,
    arithmetic,
    panics,
    channels, // starts a thread
];

fn work(jobs: &[Job], first: usize, until: Instant) -> u64 {
    let mut r = Random(88172645463325252 + first as u64);
    let mut sum = 0;
    for job in jobs.iter().cycle().skip(first) {
        sum ^= job(&mut r);
        if Instant::now() >= until {
            break;
        }
    }
    sum
}

/// Comes in the midst of any of it.
extern "C" fn on_signal(_: i32) {
    let mut r = Random(42);
    opaque(r.nth(opaque(30_000)));
}

fn main() {
    let seconds: f64 = std::env::args()
        .nth(1)
        .and_then(|s| s.parse().ok())
        .filter(|s| *s > 0.0)
        .unwrap_or(1e9);
    let steady = std::env::args().nth(2).is_some();
    let jobs = &JOBS[..JOBS.len() - steady as usize];
    let until = Instant::now() + Duration::from_millis((seconds * 1000.0) as u64);
    let action = Sigaction {
        handler: on_signal,
        mask: [0; 16],
        flags: SA_RESTART,
        restorer: 0,
    };
    std::panic::set_hook(Box::new(|_| ()));
    unsafe { sigaction(SIGUSR1, &action, std::ptr::null_mut()) };
    let threads: Vec<_> = ["first", "second", "third"]
        .iter()
        .enumerate()
        .map(|(i, name)| {
            thread::Builder::new()
                .name(name.to_string())
                .spawn(move || work(jobs, i * 5, until))
                .unwrap()
        })
        .collect();
    while Instant::now() < until {
        thread::sleep(Duration::from_millis(3));
        for t in &threads {
            unsafe { pthread_kill(t.as_pthread_t(), SIGUSR1) };
        }
        opaque(work(jobs, 0, Instant::now()));
    }
    let sum = threads
        .into_iter()
        .map(|t| t.join().unwrap())
        .fold(0, |a, x| a ^ x);
    println!("{}", sum);
}
