//! Threads that wait, each for something else and for a known time.  Reads a
//! line from its standard input, then starts them; they end after MS
//! milliseconds, and each tells by the wall clock, in ns, for how long it was
//! there, for how long it waited, in which function, how often, and for how
//! long it was busy; then by the kernel's count, in ns, for how long it was on
//! a CPU and had to wait for one (0 0: not known):
//!
//! locker 5000000000 wait_lock 3100000000 210 1800000000 1780000000 40000000
//!
//! Usage: waits MS DIRECTORY

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::io::FromRawFd;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{mpsc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

extern "C" {
    fn pipe(fds: *mut i32) -> i32;
}

fn make_pipe() -> (File, File) {
    let mut fds = [0; 2];
    unsafe {
        assert_eq!(pipe(fds.as_mut_ptr()), 0);
        (File::from_raw_fd(fds[0]), File::from_raw_fd(fds[1]))
    }
}

/// At a function's end: what it calls before is a call and not a jump.
#[inline(always)]
fn stay() {
    unsafe { std::arch::asm!("") };
}

#[inline(never)]
fn spin(time: Duration) {
    let begin = Instant::now();
    let mut x = 88172645463325252u64;
    while begin.elapsed() < time {
        for _ in 0..1000 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
        }
        unsafe { std::arch::asm!("/* {} */", in(reg) x) };
    }
}

#[inline(never)]
fn wait_sleep() {
    thread::sleep(7 * MS);
    stay();
}

/// Holds the lock for 10 ms.
#[inline(never)]
fn wait_hold(lock: &Mutex<u64>) {
    let mut n = lock.lock().unwrap();
    thread::sleep(10 * MS);
    *n += 1;
    drop(n);
    stay();
}

#[inline(never)]
fn wait_lock(lock: &Mutex<u64>) {
    *lock.lock().unwrap() += 1;
    stay();
}

#[inline(never)]
fn wait_condvar(flag: &Mutex<bool>, condvar: &Condvar) {
    let mut set = flag.lock().unwrap();
    while !*set {
        set = condvar.wait(set).unwrap();
    }
    *set = false;
    drop(set);
    stay();
}

#[inline(never)]
fn wait_channel(from: &mpsc::Receiver<u64>) {
    from.recv().unwrap();
    stay();
}

#[inline(never)]
fn wait_pipe(from: &mut impl Read) {
    from.read_exact(&mut [0]).unwrap();
    stay();
}

#[inline(never)]
fn wait_disk(file: &mut File) {
    file.write_all(&[7; 4096]).unwrap();
    file.sync_all().unwrap();
    stay();
}

#[inline(never)]
fn wait_nothing() {}

/// Waits and is busy in turns until the time is over; tells of it.
fn turns(name: &str, function: &str, whole: Duration, busy: Duration, mut wait: impl FnMut()) {
    let begin = Instant::now();
    let (mut waited, mut spun, mut n) = (Duration::ZERO, Duration::ZERO, 0);
    while begin.elapsed() < whole {
        let a = Instant::now();
        wait();
        let b = Instant::now();
        spin(busy);
        waited += b - a;
        spun += b.elapsed();
        n += 1;
    }
    let kernel = std::fs::read_to_string("/proc/thread-self/schedstat");
    let kernel = kernel.unwrap_or("0 0 0".into());
    let kernel: Vec<_> = kernel.split_whitespace().take(2).collect();
    println!(
        "{name} {} {function} {} {n} {} {}",
        begin.elapsed().as_nanos(),
        waited.as_nanos(),
        spun.as_nanos(),
        kernel.join(" ")
    );
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let whole = args[1].parse::<u32>().unwrap() * MS;
    let mut file = File::create(format!("{}/waits.tmp", args[2])).unwrap();

    // One that waited before anybody looked, and goes on to do so.
    let (end, ended) = mpsc::channel::<u64>();
    let early = thread::Builder::new().name("early".into());
    let early = early.spawn(move || wait_channel(&ended)).unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();

    let (lock, flag, condvar) = (Mutex::new(0), Mutex::new(false), Condvar::new());
    let (to_channel, from_channel) = mpsc::channel();
    let (mut from_pipe, mut to_pipe) = make_pipe();
    let left = AtomicUsize::new(3);
    thread::scope(|s| {
        let start = |name: &'static str| thread::Builder::new().name(name.into());
        let (lock, flag, condvar, left) = (&lock, &flag, &condvar, &left);

        start("sleeper")
            .spawn_scoped(s, move || {
                turns("sleeper", "wait_sleep", whole, 3 * MS, wait_sleep)
            })
            .unwrap();
        start("holder")
            .spawn_scoped(s, move || {
                turns("holder", "wait_hold", whole, 5 * MS, || wait_hold(lock))
            })
            .unwrap();
        start("locker")
            .spawn_scoped(s, move || {
                turns("locker", "wait_lock", whole, 2 * MS, || wait_lock(lock))
            })
            .unwrap();
        start("ponderer")
            .spawn_scoped(s, move || {
                turns("ponderer", "wait_condvar", whole, MS, || {
                    wait_condvar(flag, condvar)
                });
                left.fetch_sub(1, SeqCst);
            })
            .unwrap();
        start("receiver")
            .spawn_scoped(s, move || {
                turns("receiver", "wait_channel", whole, MS, || {
                    wait_channel(&from_channel)
                });
                left.fetch_sub(1, SeqCst);
                // What is sent until everybody has ended.
                from_channel.iter().for_each(drop);
            })
            .unwrap();
        start("reader")
            .spawn_scoped(s, move || {
                turns("reader", "wait_pipe", whole, MS, || {
                    wait_pipe(&mut from_pipe)
                });
                left.fetch_sub(1, SeqCst);
                std::io::copy(&mut from_pipe, &mut std::io::sink()).unwrap();
            })
            .unwrap();
        start("writer")
            .spawn_scoped(s, move || {
                turns("writer", "wait_disk", whole, 2 * MS, || {
                    wait_disk(&mut file)
                })
            })
            .unwrap();
        start("spinner")
            .spawn_scoped(s, move || {
                turns("spinner", "wait_nothing", whole, 10 * MS, wait_nothing)
            })
            .unwrap();
        // Wakes the three that wait for somebody.
        while left.load(SeqCst) > 0 {
            thread::sleep(8 * MS);
            *flag.lock().unwrap() = true;
            condvar.notify_one();
            to_channel.send(1).unwrap();
            to_pipe.write_all(&[1]).unwrap();
        }
        drop(to_channel);
        drop(to_pipe);
    });
    end.send(1).unwrap();
    early.join().unwrap();
}
