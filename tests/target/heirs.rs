//! Allocates in itself, in a child process that it forks, and in one that
//! executes this program anew.  Waits for a line before it begins, and before it
//! ends.
use std::io::{Read, Write};
use std::process::Command;

extern "C" {
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(code: i32) -> !;
}

/// The compiler must take it as it comes (std's black_box is of Rust 1.66).
#[inline(never)]
fn opaque<T>(t: T) -> T {
    let t = std::mem::ManuallyDrop::new(t);
    unsafe { std::ptr::read_volatile(&*t) }
}

#[inline(never)]
fn in_parent(n: usize) {
    for i in 0..n {
        drop(opaque(Box::new(i)));
    }
}

#[inline(never)]
fn in_child(n: usize) {
    // Whoever follows it is late, and says so.
    std::thread::sleep(std::time::Duration::from_secs(2));
    for i in 0..n {
        drop(opaque(Box::new(i)));
    }
}

#[inline(never)]
fn in_heir(n: usize) {
    for i in 0..n {
        std::mem::forget(opaque(Box::new(i)));
    }
}

fn await_line() {
    let mut byte = [0u8; 1];
    while std::io::stdin().read(&mut byte).unwrap_or(0) == 1 && byte[0] != b'\n' {}
}

fn say(text: &str) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{}", text);
    let _ = out.flush();
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.len() > 1 {
        in_heir(777);
        return;
    }
    say("ready");
    await_line();
    in_parent(100);
    let mut status = 0;
    let pid = unsafe { fork() };
    if pid == 0 {
        in_child(200);
        unsafe { _exit(0) }
    }
    unsafe { waitpid(pid, &mut status, 0) };
    Command::new(&arguments[0]).arg("heir").status().unwrap();
    in_parent(50);
    say("done");
    await_line();
}
