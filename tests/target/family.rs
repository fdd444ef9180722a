//! A family of processes: waits for a line on its standard input, then
//! burns CPU time itself, in a forked child, in that one's forked child, in a
//! spawned child (which executes this program again) and in a thread of the
//! forked child, and tells what each process has used:
//!
//!     NAME PID NS
//!
//! Usage: family MILLISECONDS

use std::process::{Command, Stdio};
use std::thread;

#[repr(C)]
struct Timespec {
    sec: i64,
    nsec: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, t: *mut Timespec) -> i32;
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(status: i32) -> !;
}

const PROCESS_CPU: i32 = 2;
const THREAD_CPU: i32 = 3;

fn clock(which: i32) -> u64 {
    let mut t = Timespec { sec: 0, nsec: 0 };
    unsafe { clock_gettime(which, &mut t) };
    t.sec as u64 * 1_000_000_000 + t.nsec as u64
}

/// With another seed in each function, lest the compiler make one of them.
#[inline(always)]
fn burn(ns: u64, seed: u64) {
    let until = clock(THREAD_CPU) + ns;
    let mut x = seed;
    while clock(THREAD_CPU) < until {
        for _ in 0..2000 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
        }
        unsafe { std::arch::asm!("/* {} */", in(reg) x) };
    }
}

#[inline(never)]
fn parent(ns: u64) {
    burn(ns, 1);
}

#[inline(never)]
fn child(ns: u64) {
    burn(ns, 2);
}

#[inline(never)]
fn grandchild(ns: u64) {
    burn(ns, 3);
}

#[inline(never)]
fn spawned(ns: u64) {
    burn(ns, 4);
}

fn tell(name: &str, since: u64) {
    println!(
        "{} {} {}",
        name,
        std::process::id(),
        clock(PROCESS_CPU) - since
    );
}

fn forked(body: impl FnOnce()) -> i32 {
    let pid = unsafe { fork() };
    if pid == 0 {
        body();
        unsafe { _exit(0) }
    }
    pid
}

fn wait(pid: i32) {
    let mut status = 0;
    assert_eq!(unsafe { waitpid(pid, &mut status, 0) }, pid);
    assert_eq!(status, 0);
}

fn child_with_all(ns: u64) {
    let grand = forked(|| {
        grandchild(ns);
        tell("grandchild", 0);
    });
    let thread = thread::Builder::new().name("aside".into());
    let thread = thread.spawn(move || child(ns)).unwrap();
    child(ns);
    thread.join().unwrap();
    wait(grand);
    tell("child", 0);
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let ns = args[1].parse::<u64>().unwrap() * 1_000_000;
    if args.len() > 2 {
        spawned(ns);
        return tell("spawned", 0);
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let since = clock(PROCESS_CPU);
    let pid = forked(|| child_with_all(ns));
    let mut command = Command::new(std::env::current_exe().unwrap());
    let command = command.arg(&args[1]).arg("spawned").stdin(Stdio::null());
    let mut other = command.spawn().unwrap();
    parent(ns);
    wait(pid);
    assert!(other.wait().unwrap().success());
    tell("parent", since);
}
