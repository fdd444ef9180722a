//! Threads that come and go: waits for a line on its standard input, then two
//! threads start others, one after the other, until there have been so many;
//! each burns a random time, and its starter some time before.  Tells the CPU
//! time that the process has used since the line, in ns.
//!
//! Usage: brief THREADS STARTER-US LEAST-US MOST-US

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
fn burn(us: u64) {
    let until = clock(THREAD_CPU) + us * 1000;
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

fn starter(threads: u64, own: u64, least: u64, most: u64, seed: u64) {
    let mut random = seed;
    for _ in 0..threads {
        random = random.wrapping_mul(6364136223846793005);
        random = random.wrapping_add(1442695040888963407);
        let us = least + (random >> 33) % (most - least);
        burn(own);
        thread::spawn(move || burn(us)).join().unwrap();
    }
}

fn main() {
    let args: Vec<u64> = std::env::args()
        .skip(1)
        .map(|a| a.parse().unwrap())
        .collect();
    let (threads, own, least, most) = (args[0], args[1], args[2], args[3]);
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let before = clock(PROCESS_CPU);
    let starters: Vec<_> = (0..2)
        .map(|seed| thread::spawn(move || starter(threads / 2, own, least, most, seed)))
        .collect();
    for s in starters {
        s.join().unwrap();
    }
    println!("{}", clock(PROCESS_CPU) - before);
}
