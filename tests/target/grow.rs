//! Makes its resident memory grow, in functions of known names, by whole pages,
//! and says how many of each it has touched and still has:
//!     site NAME touched PAGES left PAGES
//! It waits for a line before it begins, before and after it gives pages back, and
//! before it ends.
//!
//!     grow [huge]
//!
//! huge: one more, of huge pages, where the kernel has them.

use std::io::Read;

extern "C" {
    fn mmap(addr: *mut u8, len: usize, prot: i32, flags: i32, fd: i32, off: i64) -> *mut u8;
    fn munmap(addr: *mut u8, len: usize) -> i32;
    fn madvise(addr: *mut u8, len: usize, advice: i32) -> i32;
}

const PAGE: usize = 4096;
const DONTNEED: i32 = 4;
const HUGEPAGE: i32 = 14;
const NOHUGEPAGE: i32 = 15;

/// Pages that nothing has touched yet.
fn map(pages: usize, advice: i32) -> *mut u8 {
    let p = unsafe { mmap(std::ptr::null_mut(), pages * PAGE, 3, 0x22, -1, 0) };
    assert!(p as isize != -1);
    unsafe { madvise(p, pages * PAGE, advice) };
    p
}

#[inline(never)]
fn touch(p: *mut u8, pages: usize) {
    for i in 0..pages {
        unsafe { p.add(i * PAGE).write_volatile(1) };
    }
}

macro_rules! touches {
    ($($name:ident)*) => { $(
        #[inline(never)]
        fn $name(p: *mut u8, pages: usize) -> *mut u8 {
            touch(p, pages);
            unsafe { std::ptr::read_volatile(&p) }
        }
    )* };
}

touches! { kept given_back unmapped again threaded }

#[inline(never)]
fn huge() -> usize {
    let p = map(4 * 512, HUGEPAGE);
    let first = (p as usize + (512 * PAGE - 1)) & !(512 * PAGE - 1);
    for i in 0..2 {
        unsafe { ((first + i * 512 * PAGE) as *mut u8).write_volatile(1) };
    }
    1024
}

fn await_line() {
    let mut buffer = [0u8; 1];
    let stdin = std::io::stdin();
    let mut locked = stdin.lock();
    while locked.read(&mut buffer).unwrap_or(0) == 1 && buffer[0] != b'\n' {}
}

fn main() {
    println!("ready");
    await_line();
    kept(map(1000, NOHUGEPAGE), 1000);
    let p = given_back(map(600, NOHUGEPAGE), 600);
    let q = unmapped(map(500, NOHUGEPAGE), 500);
    println!("touched");
    await_line();
    unsafe { madvise(p.add(100 * PAGE), 500 * PAGE, DONTNEED) };
    unsafe { munmap(q, 500 * PAGE) };
    println!("returned");
    await_line();
    again(unsafe { p.add(100 * PAGE) }, 200);
    let threads: Vec<_> = (0..4)
        .map(|_| std::thread::spawn(|| { threaded(map(300, NOHUGEPAGE), 300); }))
        .collect();
    for t in threads {
        t.join().unwrap();
    }
    let all = std::env::args().nth(1).map_or(0, |_| huge());
    println!("site kept touched 1000 left 1000");
    println!("site given_back touched 600 left 100");
    println!("site unmapped touched 500 left 0");
    println!("site again touched 200 left 200");
    println!("site threaded touched 1200 left 1200");
    if all > 0 {
        println!("site huge touched {} left {}", all, all);
    }
    println!("done");
    await_line();
}
