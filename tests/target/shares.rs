//! shares: spends its CPU time in known shares, by function itself and with what it calls,
//! in one thread, until it is killed.  In per cent:
//!
//!     FUNCTION   self  total
//!     outer        10    100
//!     middle       10     30
//!     leaf         30     30
//!     virtually    20     20
//!     before       15     25
//!     weigh        10     10
//!     descend       5     15
//!
//! leaf is called by middle (20), and at the end of descend's recursion (10); virtually by
//! way of a table; before from std's sort, and weigh by it.  Always what is furthest behind
//! its share is done, in portions of random length, by the thread's clock: a regular
//! pattern could run in step with the sampling clock.

#[repr(C)]
struct Timespec {
    sec: i64,
    nsec: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, t: *mut Timespec) -> i32;
}

const THREAD_CPU: i32 = 3;

#[inline(always)]
fn clock() -> u64 {
    let mut t = Timespec { sec: 0, nsec: 0 };
    unsafe { clock_gettime(THREAD_CPU, &mut t) };
    t.sec as u64 * 1_000_000_000 + t.nsec as u64
}

/// The compiler must take it as it comes (std's black_box is of Rust 1.66).
#[inline(always)]
fn opaque<T: Copy>(t: T) -> T {
    unsafe { std::ptr::read_volatile(&t) }
}

#[inline(always)]
fn spin(mut x: u64, n: u64) -> u64 {
    let mut i = 0;
    while i < n {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        i += 1;
    }
    x
}

#[inline(never)]
fn leaf(x: u64, n: u64) -> u64 {
    spin(x, n)
}

#[inline(never)]
fn middle(x: u64, n: u64, own: bool) -> u64 {
    if own {
        spin(x, n)
    } else {
        opaque(leaf(x, n)) + 1
    }
}

trait Work {
    fn virtually(&self, n: u64) -> u64;
}

struct Plain(u64);

impl Work for Plain {
    #[inline(never)]
    fn virtually(&self, n: u64) -> u64 {
        spin(self.0, n)
    }
}

struct Other(u64);

impl Work for Other {
    fn virtually(&self, n: u64) -> u64 {
        self.0 ^ n
    }
}

#[inline(never)]
fn weigh(x: u64, n: u64) -> u64 {
    // Not as leaf: the same code would be the same function.
    spin(x.rotate_left(3), n)
}

#[inline(never)]
fn before(a: u64, b: u64, n: u64, own: bool) -> bool {
    let more = if own { spin(a, n) } else { weigh(a, n) };
    opaque(a) < opaque(b) || opaque(more) == 1
}

#[inline(never)]
fn descend(x: u64, n: u64, depth: u32, own: bool) -> u64 {
    if depth > 0 {
        let y = descend(x, n, depth - 1, own);
        return opaque(y) + u64::from(depth);
    }
    if own {
        spin(x, n)
    } else {
        opaque(leaf(x, n)) + 1
    }
}

/// In per cent, in the order of outer's numbers.
const SHARES: [u64; 8] = [10, 10, 20, 20, 15, 10, 5, 10];

#[inline(never)]
fn outer(which: usize, x: u64, n: u64, way: &dyn Work) -> u64 {
    let compare = |own| {
        let mut numbers: Vec<u64> = (0..16).map(|i| x ^ (i * 7919)).collect();
        numbers.sort_by(|a, b| before(*a, *b, n / 50, own).cmp(&true));
        numbers[0]
    };
    // No call is the last that it does: that could be a jump.
    opaque(match which {
        0 => spin(x, n),
        1 => middle(x, n, true),
        2 => middle(x, n, false),
        3 => way.virtually(n),
        4 => compare(true),
        5 => compare(false),
        6 => descend(x, n, 12, true),
        _ => descend(x, n, 12, false),
    })
}

fn main() {
    let ways: [Box<dyn Work>; 2] = [Box::new(Plain(3)), Box::new(Other(4))];
    let mut spent = [0u64; 8];
    let mut x = 88172645463325252u64;
    let mut random = x;
    let mut last = clock();
    loop {
        let which = (0..8).min_by_key(|&i| spent[i] / SHARES[i]).unwrap();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        x = opaque(outer(which, opaque(x), 50_000 + random % 500_000, opaque(&*ways[0])));
        let now = clock();
        spent[which] += now - last;
        last = now;
    }
}
