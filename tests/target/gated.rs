//! Allocates while a gate comes and goes.
//!
//!     gated check THREADS [forks] [spawns] [signals] [loads DIRECTORY]
//!
//! Threads work on vectors, strings and maps whose contents they verify, and are replaced by
//! new ones all the time, until standard input ends: then it prints "right", or "wrong" and
//! how often, and how many rounds there were.  forks: children that do the same; spawns: of
//! this program; signals: a thousand a second; loads: one.so, over and over.
//!
//!     gated count THREADS
//!
//! For each line "go ROUNDS" on standard input every thread allocates; it answers with what
//! its own allocator has counted: "allocated BYTES live BYTES".

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ffi::{c_void, CString};
use std::io::{BufRead, Read, Write};
use std::os::raw::{c_char, c_int};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

static ALLOCATED: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);

struct Counting;

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, l: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(l.size() as u64, Relaxed);
        System.alloc(l)
    }
    unsafe fn alloc_zeroed(&self, l: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(l.size() as u64, Relaxed);
        System.alloc_zeroed(l)
    }
    unsafe fn realloc(&self, p: *mut u8, l: Layout, size: usize) -> *mut u8 {
        ALLOCATED.fetch_add(size as u64, Relaxed);
        FREED.fetch_add(l.size() as u64, Relaxed);
        System.realloc(p, l, size)
    }
    unsafe fn dealloc(&self, p: *mut u8, l: Layout) {
        FREED.fetch_add(l.size() as u64, Relaxed);
        System.dealloc(p, l)
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

extern "C" {
    fn fork() -> c_int;
    fn _exit(status: c_int) -> !;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn setitimer(which: c_int, new: *const [i64; 4], old: *mut c_void) -> c_int;
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlclose(library: *mut c_void) -> c_int;
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

#[repr(align(64))]
#[derive(Clone, Copy)]
struct Line([u8; 64]);

/// One round of work; false if anything is not as it was written.
#[inline(never)]
fn round(r: &mut Random) -> bool {
    let n = r.below(200) as usize;
    let x = r.next() as u8;
    let grown: Vec<u8> = (0..n).fold(Vec::new(), |mut v, i| {
        v.push(x.wrapping_add(i as u8));
        v
    });
    let text = format!("{}-{}-{}", n, x, "y".repeat(n));
    let mut map = HashMap::new();
    let mut tree = BTreeMap::new();
    for i in 0..n as u64 {
        map.insert(i, vec![x; (i % 40) as usize]);
        tree.insert(i ^ 0x55, i.to_string());
    }
    let zeros = vec![0u64; n * 20 + 1];
    let lines = vec![Line([x; 64]); n % 16 + 1];
    let big = if n == 77 { vec![x; 200_000] } else { Vec::new() };
    let aligned = lines.as_ptr() as usize % 64 == 0;
    aligned
        && grown.iter().enumerate().all(|(i, &b)| b == x.wrapping_add(i as u8))
        && text.len() == n + format!("{}-{}-", n, x).len()
        && map.iter().all(|(&i, v)| v.len() == (i % 40) as usize && v.iter().all(|&b| b == x))
        && tree.iter().all(|(&k, v)| *v == (k ^ 0x55).to_string())
        && zeros.iter().all(|&z| z == 0)
        && lines.iter().all(|l| l.0.iter().all(|&b| b == x))
        && big.iter().all(|&b| b == x)
}

static DONE: AtomicBool = AtomicBool::new(false);
static ROUNDS: AtomicU64 = AtomicU64::new(0);
static WRONG: AtomicU64 = AtomicU64::new(0);
static SIGNALS: AtomicU64 = AtomicU64::new(0);

fn rounds_for(time: Duration, seed: u64) {
    let end = Instant::now() + time;
    let mut r = Random(seed | 1);
    while !DONE.load(Relaxed) && Instant::now() < end {
        if !round(&mut r) {
            WRONG.fetch_add(1, Relaxed);
        }
        ROUNDS.fetch_add(1, Relaxed);
    }
}

/// Threads, one after the other.
fn worker(seed: u64) {
    let mut n = seed;
    while !DONE.load(Relaxed) {
        n = n.wrapping_mul(6364136223846793005).wrapping_add(1);
        let time = Duration::from_millis(80);
        std::thread::spawn(move || rounds_for(time, n)).join().unwrap();
    }
}

fn forks() {
    while !DONE.load(Relaxed) {
        let pid = unsafe { fork() };
        if pid == 0 {
            let mut r = Random(99);
            let good = (0..50).all(|_| round(&mut r));
            unsafe { _exit(!good as c_int) };
        }
        let mut status = -1;
        unsafe { waitpid(pid, &mut status, 0) };
        if pid < 0 || status != 0 {
            eprintln!("child {}: {:x}", pid, status);
            WRONG.fetch_add(1, Relaxed);
        }
    }
}

fn spawns() {
    while !DONE.load(Relaxed) {
        let out = std::process::Command::new("/proc/self/exe").arg("once").output();
        if !out.map_or(false, |o| o.stdout == b"once\n") {
            WRONG.fetch_add(1, Relaxed);
        }
    }
}

extern "C" fn on_signal(_: c_int) {
    SIGNALS.fetch_add(1, Relaxed);
}

fn signals() {
    const ALARM: c_int = 14;
    const PROF: c_int = 27;
    unsafe {
        signal(ALARM, on_signal);
        signal(PROF, on_signal);
        setitimer(0, &[0, 1000, 0, 1000], std::ptr::null_mut());
        setitimer(2, &[0, 1000, 0, 1000], std::ptr::null_mut());
    }
}

fn loads(directory: &str) {
    let path = CString::new(format!("{}/one.so", directory)).unwrap();
    let name = CString::new("work").unwrap();
    while !DONE.load(Relaxed) {
        unsafe {
            let library = dlopen(path.as_ptr(), 2);
            if library.is_null() || dlsym(library, name.as_ptr()).is_null() {
                WRONG.fetch_add(1, Relaxed);
            }
            std::thread::sleep(Duration::from_millis(3));
            dlclose(library);
        }
    }
}

fn check(args: &[String]) {
    let mut threads = Vec::new();
    let mut words = args.iter();
    let count: u64 = words.next().unwrap().parse().unwrap();
    while let Some(word) = words.next() {
        match word.as_str() {
            "forks" => threads.push(std::thread::spawn(forks)),
            "spawns" => threads.push(std::thread::spawn(spawns)),
            "signals" => signals(),
            "loads" => {
                let directory = words.next().unwrap().clone();
                threads.push(std::thread::spawn(move || loads(&directory)))
            }
            _ => panic!("{}", word),
        }
    }
    threads.extend((0..count).map(|i| std::thread::spawn(move || worker(i))));
    println!("ready");
    while std::io::stdin().read(&mut [0; 64]).map_or(true, |n| n > 0) {}
    DONE.store(true, Relaxed);
    for t in threads {
        t.join().unwrap();
    }
    match WRONG.load(Relaxed) {
        0 => println!("right {}", ROUNDS.load(Relaxed)),
        n => println!("wrong {} {}", n, ROUNDS.load(Relaxed)),
    }
}

const KEPT: usize = 2000;

/// Blocks of many sizes, of which the newest stay.
#[inline(never)]
fn fill(kept: &mut VecDeque<Vec<u8>>, rounds: u64, seed: u64) {
    let mut r = Random(seed);
    for i in 0..rounds {
        let size = match i % 16 {
            0 => r.below(20_000),
            1 => 48,
            _ => r.below(300),
        } as usize;
        let block = match i % 5 {
            0 => vec![0; size],
            1 => {
                let mut v = Vec::with_capacity(size / 2 + 1);
                v.resize(size, 1);
                v
            }
            _ => vec![1; size],
        };
        kept.push_back(block);
        if kept.len() > KEPT {
            kept.pop_front();
        }
    }
}

fn count(threads: usize) {
    let mut kept: Vec<VecDeque<Vec<u8>>> = (0..threads).map(|_| VecDeque::new()).collect();
    let mut seed = 1;
    println!("ready");
    let lines = std::io::stdin().lock().lines();
    for line in lines {
        let rounds: u64 = line.unwrap()[3..].parse().unwrap();
        let before = ALLOCATED.load(Relaxed);
        std::thread::scope(|s| {
            for k in kept.iter_mut() {
                seed += 7919;
                let seed = seed;
                s.spawn(move || fill(k, rounds, seed));
            }
        });
        let allocated = ALLOCATED.load(Relaxed) - before;
        let live: usize = kept.iter().flatten().map(|v| v.capacity()).sum();
        println!("allocated {} live {}", allocated, live);
        std::io::stdout().flush().unwrap();
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(|s| s.as_str()) {
        Some("once") => println!("once"),
        Some("check") => check(&args[1..]),
        Some("count") => count(args[1].parse().unwrap()),
        _ => panic!("usage: gated check|count THREADS ..."),
    }
}
