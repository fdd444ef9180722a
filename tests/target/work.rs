//! A target that counts what it gets done, so that a profiler's cost shows.
//!
//!     busy     threads that evaluate expressions, as an interpreter does: a
//!              chain of so many calls through trait objects, of eight kinds,
//!              and most of the time is spent at its end; a unit is a chain
//!     switch   two threads on one CPU that hand a turn to each other and
//!              back; a unit is a round trip, of two context switches
//!     pairs    threads that allocate memory of 16 to 512 bytes and free it; a
//!              unit is a pair of that
//!     churn    threads that make boxes of 112 bytes and short strings; a unit is
//!              1,300 of them
//!     mix      threads that replace one of 1,024 boxes of 16 to 2,000 bytes by
//!              another; a unit is a box
//!     json     threads that parse a document of nested objects, arrays and
//!              strings into a tree, write it out, and drop both; a unit is a
//!              document
//!     leak     the same as pairs, and one more that keeps 1,000 bytes a millisecond,
//!              and says in the end how many bytes in how many ns
//!     live     keeps so many pieces of 48 bytes, in the place of THREADS, two
//!              seconds after it has begun; a unit is one of them
//!
//! Every 20 ms it says
//!
//!     MONOTONIC-NS  UNITS  CPU-NS
//!
//! Usage: work KIND [SECONDS [THREADS [CALLS]]]    (0: until it is killed)

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

#[repr(C)]
struct Timespec {
    sec: i64,
    nsec: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, t: *mut Timespec) -> i32;
    fn sched_getcpu() -> i32;
    fn sched_setaffinity(pid: i32, size: usize, set: *const u64) -> i32;
}

const MONOTONIC: i32 = 1;
const PROCESS_CPU: i32 = 2;

fn clock(which: i32) -> u64 {
    let mut t = Timespec { sec: 0, nsec: 0 };
    unsafe { clock_gettime(which, &mut t) };
    t.sec as u64 * 1_000_000_000 + t.nsec as u64
}

/// A counter with a cache line of its own.
#[repr(align(128))]
struct Count(AtomicU64);

#[allow(clippy::declare_interior_mutable_const)]
const ZERO: Count = Count(AtomicU64::new(0));
static UNITS: [Count; 256] = [ZERO; 256];
static DONE: AtomicBool = AtomicBool::new(false);

fn count(slot: usize) -> bool {
    UNITS[slot].0.fetch_add(1, Ordering::Relaxed);
    !DONE.load(Ordering::Relaxed)
}

fn units() -> u64 {
    UNITS.iter().map(|u| u.0.load(Ordering::Relaxed)).sum()
}

/// The three belong to one moment: again, where something came between.
fn report() {
    let line = loop {
        let now = clock(MONOTONIC);
        let line = format!("{} {} {}\n", now, units(), clock(PROCESS_CPU));
        if clock(MONOTONIC) - now < 20_000 {
            break line;
        }
    };
    // A reader that has gone is no reason to stop.
    let _ = std::io::stdout().write_all(line.as_bytes());
}

// ---- busy --------------------------------------------------------------------

struct Env {
    names: HashMap<u64, u64>,
    text: String,
}

trait Node {
    fn eval(&self, env: &mut Env) -> u64;
}

type Inner = Box<dyn Node>;

fn mix(mut x: u64, n: u64) -> u64 {
    for _ in 0..n {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    x
}

struct Add(Inner, u64);
struct Rotate(Inner, u32);
struct Look(Inner, u64);
struct Table(Inner);
struct Print(Inner);
struct Sort(Inner);
struct Each(Inner);
struct Twice(Inner);
struct Leaf;

impl Node for Add {
    fn eval(&self, env: &mut Env) -> u64 {
        mix(self.0.eval(env).wrapping_add(self.1) | 1, 5)
    }
}

impl Node for Rotate {
    fn eval(&self, env: &mut Env) -> u64 {
        mix(self.0.eval(env).rotate_left(self.1) | 1, 5)
    }
}

impl Node for Look {
    fn eval(&self, env: &mut Env) -> u64 {
        let x = self.0.eval(env);
        *env.names.get(&(x % 64)).unwrap_or(&self.1) ^ x
    }
}

impl Node for Table {
    fn eval(&self, env: &mut Env) -> u64 {
        let mut room = [0u64; 48];
        let x = self.0.eval(env);
        room[(x % 48) as usize] = x;
        room.iter().fold(x, |a, b| a.rotate_left(1) ^ b)
    }
}

impl Node for Print {
    fn eval(&self, env: &mut Env) -> u64 {
        let x = self.0.eval(env);
        env.text.clear();
        let _ = write!(env.text, "{:x}", x % 4096);
        x ^ env.text.len() as u64
    }
}

impl Node for Sort {
    fn eval(&self, env: &mut Env) -> u64 {
        let x = self.0.eval(env) | 1;
        let mut v = [x, mix(x, 1), mix(x, 2), mix(x, 3)];
        v.sort_by_key(|k| k % 1024);
        v[0] ^ v[3]
    }
}

impl Node for Each {
    fn eval(&self, env: &mut Env) -> u64 {
        (0..1)
            .map(|i| self.0.eval(env) ^ i)
            .fold(7, u64::wrapping_add)
    }
}

impl Node for Twice {
    fn eval(&self, env: &mut Env) -> u64 {
        let x = self.0.eval(env);
        env.names.insert(x % 64, x);
        x.wrapping_mul(2)
    }
}

impl Node for Leaf {
    fn eval(&self, env: &mut Env) -> u64 {
        let mut x = mix(env.text.len() as u64 + 88172645463325252, 4000);
        for i in 0..40 {
            x ^= env.names.get(&(x % 64)).copied().unwrap_or(i);
            x = mix(x | 1, 20);
        }
        let mut v: Vec<u64> = (0..64).map(|i| mix(x ^ i | 1, 2)).collect();
        v.sort_unstable();
        for n in &v[..8] {
            let _ = write!(env.text, "{} ", n);
        }
        v[31]
    }
}

fn chain(calls: usize) -> Inner {
    let mut node: Inner = Box::new(Leaf);
    for i in 0..calls {
        node = match i % 8 {
            0 => Box::new(Add(node, i as u64)),
            1 => Box::new(Table(node)),
            2 => Box::new(Look(node, i as u64)),
            3 => Box::new(Each(node)),
            4 => Box::new(Print(node)),
            5 => Box::new(Rotate(node, i as u32 % 64)),
            6 => Box::new(Sort(node)),
            _ => Box::new(Twice(node)),
        };
    }
    node
}

fn busy(slot: usize, calls: usize) {
    let mut env = Env {
        names: HashMap::new(),
        text: String::new(),
    };
    let root = chain(calls);
    let mut sum = 0u64;
    while count(slot) {
        sum ^= root.eval(&mut env);
    }
    env.names.insert(0, sum);
}

// ---- switch ------------------------------------------------------------------

fn stay_on_one_cpu() {
    let mut set = [0u64; 16];
    let cpu = unsafe { sched_getcpu() } as usize;
    set[cpu / 64] = 1 << (cpu % 64);
    unsafe { sched_setaffinity(0, 128, set.as_ptr()) };
}

fn serve(turn: mpsc::Receiver<u64>, back: mpsc::SyncSender<u64>) {
    while let Ok(x) = turn.recv() {
        if back.send(x + 1).is_err() {
            break;
        }
    }
}

fn ask(turn: mpsc::SyncSender<u64>, back: mpsc::Receiver<u64>) {
    let mut x = 0;
    while count(0) {
        turn.send(x).unwrap();
        x = back.recv().unwrap();
    }
}

fn switch() -> Vec<thread::JoinHandle<()>> {
    let (turn, turns) = mpsc::sync_channel(1);
    let (back, backs) = mpsc::sync_channel(1);

    stay_on_one_cpu();
    vec![
        thread::spawn(move || serve(turns, back)),
        thread::spawn(move || ask(turn, backs)),
    ]
}

// ---- pairs -------------------------------------------------------------------

fn pairs(slot: usize) {
    let mut x = 88172645463325252u64 + slot as u64;
    while count(slot) {
        x = mix(x, 1);
        let mut v: Vec<u8> = Vec::with_capacity(16 + (x % 497) as usize);
        unsafe { v.as_mut_ptr().write_volatile(1) };
    }
}

// ---- churn, mix --------------------------------------------------------------

fn churn(slot: usize) {
    while count(slot) {
        for i in 0..1000u64 {
            black_box(Box::new([i; 14]));
        }
        for i in 0..300 {
            black_box(format!("{}-{}", i, i & 7));
        }
    }
}

fn replace(slot: usize) {
    let mut x = 88172645463325252u64 + slot as u64;
    let mut all: Vec<Vec<u8>> = (0..1024).map(|_| Vec::new()).collect();
    while count(slot) {
        x = mix(x, 1);
        let mut v = Vec::with_capacity(16 + (x >> 20) as usize % 1985);
        v.push(x as u8);
        all[x as usize % 1024] = v;
    }
}

// ---- json --------------------------------------------------------------------

enum Value {
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn blank(&mut self) {
        while self.at < self.text.len() && self.text[self.at] <= b' ' {
            self.at += 1;
        }
    }

    /// Whether the next character is this one, which is taken then.
    fn take(&mut self, c: u8) -> bool {
        self.blank();
        let is = self.text.get(self.at) == Some(&c);
        self.at += is as usize;
        is
    }

    fn string(&mut self) -> String {
        assert!(self.take(b'"'));
        let mut s = String::new();
        while self.text[self.at] != b'"' {
            s.push(self.text[self.at] as char);
            self.at += 1;
        }
        self.at += 1;
        s
    }

    fn number(&mut self) -> f64 {
        let from = self.at;
        while self.at < self.text.len() && b"+-.0123456789eE".contains(&self.text[self.at]) {
            self.at += 1;
        }
        let digits = std::str::from_utf8(&self.text[from..self.at]).unwrap();
        digits.parse().expect("a number")
    }

    fn value(&mut self) -> Value {
        if self.take(b'{') {
            let mut all = Vec::new();
            while !self.take(b'}') {
                let name = self.string();
                assert!(self.take(b':'));
                all.push((name, self.value()));
                self.take(b',');
            }
            return Value::Object(all);
        }
        if self.take(b'[') {
            let mut all = Vec::new();
            while !self.take(b']') {
                all.push(self.value());
                self.take(b',');
            }
            return Value::List(all);
        }
        match self.text[self.at] {
            b'"' => Value::Text(self.string()),
            _ => Value::Number(self.number()),
        }
    }
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Number(n) => write!(out, "{}", n).unwrap(),
        Value::Text(s) => write!(out, "\"{}\"", s).unwrap(),
        Value::List(all) => {
            out.push('[');
            for v in all {
                write_value(out, v);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(all) => {
            out.push('{');
            for (name, v) in all {
                write!(out, "\"{}\":", name).unwrap();
                write_value(out, v);
                out.push(',');
            }
            out.push('}');
        }
    }
}

fn document() -> String {
    let mut text = String::from("[");
    for i in 0..100 {
        write!(
            text,
            r#"{{"id": {}, "name": "user number {}", "tags": ["a", "list of", "strings {}"],
            "place": {{"x": {}.5, "y": -{}e-2}}, "friends": [{}, {}, {}]}},"#,
            i, i * 7, i % 13, i, i * 3, i + 1, i + 2, i + 3
        )
        .unwrap();
    }
    text.push(']');
    text
}

fn json(slot: usize) {
    let text = document();
    while count(slot) {
        let parsed = Parser {
            text: text.as_bytes(),
            at: 0,
        }
        .value();
        let mut out = String::new();
        write_value(&mut out, &parsed);
        black_box(out);
    }
}

// ---- leak, live --------------------------------------------------------------

#[inline(never)]
fn leak() {
    let start = clock(MONOTONIC);
    let mut bytes = 0;
    while !DONE.load(Ordering::Relaxed) {
        let v = vec![1u8; 1000];
        unsafe { std::ptr::read_volatile(v.as_ptr()) };
        std::mem::forget(v);
        bytes += 1000;
        thread::sleep(Duration::from_millis(1));
    }
    eprintln!("leaked {} {}", bytes, clock(MONOTONIC) - start);
}

fn live(n: usize) {
    let mut all: Vec<Box<[u64; 6]>> = Vec::with_capacity(n);
    thread::sleep(Duration::from_secs(2));
    while all.len() < n && count(0) {
        all.push(Box::new([all.len() as u64; 6]));
    }
    while !DONE.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(20));
    }
    std::mem::forget(all);
}

fn spawn(threads: f64, work: fn(usize)) -> Vec<thread::JoinHandle<()>> {
    (0..threads as usize)
        .map(|slot| thread::spawn(move || work(slot)))
        .collect()
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |i: usize, other: f64| match args.get(i) {
        Some(a) => a.parse().expect("a number"),
        None => other,
    };
    let seconds = number(2, 0.0);
    let calls = number(4, 24.0) as usize;
    let threads = match args.get(1).map(String::as_str) {
        Some("busy") => (0..number(3, 2.0) as usize)
            .map(|slot| thread::spawn(move || busy(slot, calls)))
            .collect(),
        Some("switch") => switch(),
        Some("pairs") => spawn(number(3, 2.0), pairs),
        Some("churn") => spawn(number(3, 2.0), churn),
        Some("mix") => spawn(number(3, 2.0), replace),
        Some("json") => spawn(number(3, 2.0), json),
        Some("leak") => {
            let mut all = spawn(number(3, 2.0), pairs);
            all.push(thread::spawn(leak));
            all
        }
        Some("live") => {
            let n = number(3, 1e6) as usize;
            vec![thread::spawn(move || live(n))]
        }
        _ => panic!("usage: work KIND [SECONDS [THREADS [CALLS]]]"),
    };
    let start = Instant::now();
    while seconds == 0.0 || start.elapsed().as_secs_f64() < seconds {
        report();
        thread::sleep(Duration::from_millis(20));
    }
    DONE.store(true, Ordering::Relaxed);
    for t in threads {
        t.join().unwrap();
    }
    report();
}
