// A process of each kind, for tests/commands/kinds.t: KIND is
//	plain	one thread computes and allocates: leaf < middle < outer
//	leader	the first thread ends, another one does so
//	name	its name and that of its thread have newlines and parentheses
//	memory	it executes itself from a file without a path
//	early	its threads begin to wait at once, and end 2 seconds later
//	handed	a thread allocates blocks, another one frees them, at the same address each time
//	sites	it allocates from 2^14 stacks, once each
//	moved	its code is copied to memory that is no file's
//	plugin	it loads the library of the next argument, works there and unloads it, when
//		FILE.1 is there, and again when FILE.2 is; then FILE.done1 and .done2 are
use std::ffi::{c_void, CString};
use std::hint::black_box;

#[link(name = "dl")]
extern "C" {
    fn dlopen(path: *const i8, flags: i32) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const i8) -> *mut c_void;
    fn dlclose(library: *mut c_void) -> i32;
}
extern "C" {
    fn syscall(n: i64, ...) -> i64;
    fn mmap(at: *mut c_void, len: usize, prot: i32, flags: i32, fd: i32, off: i64) -> *mut c_void;
    fn mprotect(at: *mut c_void, len: usize, prot: i32) -> i32;
    fn mremap(at: *mut c_void, old: usize, new: usize, flags: i32, to: *mut c_void) -> *mut c_void;
}

#[inline(never)]
fn leaf(n: u64) -> u64 {
    let mut x = n;
    for i in 0..1_000_000 {
        x = black_box(x.wrapping_mul(31).wrapping_add(i));
    }
    x
}

#[inline(never)]
fn keep(n: usize) -> Vec<u8> {
    black_box(vec![1u8; n])
}

#[inline(never)]
fn middle(n: u64) -> u64 {
    let kept = keep(1000 + (n % 10) as usize);
    let x = leaf(n);
    black_box(&kept);
    x.wrapping_add(1)
}

#[inline(never)]
fn outer() {
    let mut x = 0;
    loop {
        x = middle(x).wrapping_mul(3);
    }
}

fn name(bytes: &[u8]) {
    unsafe { syscall(157, 15, bytes.as_ptr()) }; // prctl, PR_SET_NAME
}

fn from_memory() {
    let program = std::fs::read("/proc/self/exe").unwrap();
    unsafe {
        let fd = syscall(319, b"payload\0".as_ptr(), 1); // memfd_create, MFD_CLOEXEC
        let mut at = 0;
        while at < program.len() {
            at += syscall(1, fd, program[at..].as_ptr(), program.len() - at) as usize;
        }
        let argv = [b"kinds\0".as_ptr(), b"plain\0".as_ptr(), std::ptr::null()];
        let envp = [std::ptr::null::<u8>()];
        syscall(322, fd, b"\0".as_ptr(), argv.as_ptr(), envp.as_ptr(), 0x1000); // execveat
    }
}

fn move_code() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let exe = std::env::current_exe().unwrap();
    for line in maps.lines().filter(|l| l.contains("r-xp") && l.ends_with(exe.to_str().unwrap())) {
        let (start, end) = line.split_whitespace().next().unwrap().split_once('-').unwrap();
        let start = usize::from_str_radix(start, 16).unwrap();
        let len = usize::from_str_radix(end, 16).unwrap() - start;
        unsafe {
            let copy = mmap(std::ptr::null_mut(), len, 3, 0x22, -1, 0);
            std::ptr::copy_nonoverlapping(start as *const u8, copy as *mut u8, len);
            mprotect(copy, len, 5);
            mremap(copy, len, len, 3, start as *mut c_void);
        }
    }
}

#[inline(never)]
fn park_here() {
    std::thread::park_timeout(std::time::Duration::from_secs(2));
    black_box(()); // no jump
}

fn park() {
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(park_here)).collect();
    for t in threads {
        t.join().unwrap();
    }
    std::process::exit(0);
}

fn hand_over() {
    let (give, take) = std::sync::mpsc::sync_channel::<Vec<u8>>(0);
    let (back, done) = std::sync::mpsc::sync_channel::<()>(0);
    std::thread::spawn(move || {
        while let Ok(block) = take.recv() {
            drop(block);
            back.send(()).unwrap();
        }
    });
    for _ in 0..20 {
        give.send(keep(5_000_000)).unwrap();
        done.recv().unwrap();
    }
    std::process::exit(0);
}

#[inline(never)]
fn even(depth: u32, path: u32) -> u64 {
    black_box(spread(depth, path >> 1)).wrapping_add(2)
}

#[inline(never)]
fn odd(depth: u32, path: u32) -> u64 {
    black_box(spread(depth, path >> 1)).wrapping_add(1)
}

#[inline(never)]
fn spread(depth: u32, path: u32) -> u64 {
    if depth == 0 {
        return keep(64).len() as u64;
    }
    let sum = if path & 1 == 0 { even(depth - 1, path) } else { odd(depth - 1, path) };
    black_box(sum).wrapping_mul(3)
}

fn sites() {
    let mut sum = 0u64;
    for path in 0..1 << 14 {
        sum = sum.wrapping_add(spread(14, path));
    }
    black_box(sum);
    std::process::exit(0);
}

fn plug(path: &str) {
    let c = CString::new(path).unwrap();
    for round in ["1", "2"] {
        while !std::path::Path::new(&format!("{path}.{round}")).exists() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        unsafe {
            let library = dlopen(c.as_ptr(), 2);
            let work: extern "C" fn() =
                std::mem::transmute(dlsym(library, b"work\0".as_ptr() as *const i8));
            for _ in 0..10 {
                work();
            }
            dlclose(library);
        }
        std::fs::write(format!("{path}.done{round}"), "").unwrap();
    }
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("leader") => {
            std::thread::spawn(outer);
            unsafe { syscall(60, 0) }; // exit, of this thread
        }
        Some("name") => {
            name(b"pro\ncess) S 7\0");
            std::thread::spawn(|| {
                name(b"thr\nead) R 1\0");
                outer();
            });
        }
        Some("memory") => from_memory(),
        Some("early") => park(),
        Some("handed") => hand_over(),
        Some("sites") => sites(),
        Some("plugin") => plug(&std::env::args().nth(2).unwrap()),
        Some("moved") => move_code(),
        _ => (),
    }
    outer();
}
