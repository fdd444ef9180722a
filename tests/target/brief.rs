//! Threads that come and go: waits for a line on its standard input, then
//! starts so many threads, two at a time, that burn 0.1 to 1.9 ms each, and
//! tells the CPU time that the process has used since the line.
//!
//! Usage: brief THREADS

use std::thread;

#[repr(C)]
struct Timespec {
    sec: i64,
    nsec: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, t: *mut Timespec) -> i32;
}

const PROCESS_CPU: i32 = 2;
const THREAD_CPU: i32 = 3;

fn clock(which: i32) -> u64 {
    let mut t = Timespec { sec: 0, nsec: 0 };
    unsafe { clock_gettime(which, &mut t) };
    t.sec as u64 * 1_000_000_000 + t.nsec as u64
}

#[inline(never)]
fn burn(until: u64) {
    let mut x = 88172645463325252u64;
    while clock(THREAD_CPU) < until {
        for _ in 0..1000 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
        }
        unsafe { std::arch::asm!("/* {} */", in(reg) x) };
    }
}

fn main() {
    let threads: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let mut random = 42u64;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let before = clock(PROCESS_CPU);
    for _ in 0..threads / 2 {
        let start = || {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let until = 100_000 + (random >> 33) % 1_800_000;
            thread::spawn(move || burn(until))
        };
        let pair: Vec<_> = std::iter::repeat_with(start).take(2).collect();
        for thread in pair {
            thread.join().unwrap();
        }
    }
    println!("{}", clock(PROCESS_CPU) - before);
}
