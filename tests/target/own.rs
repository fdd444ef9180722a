//! Its global allocator has names that nobody knows: free lists by size, over mmap().  With
//! cfg(named) it is one of a library that has mimalloc's names.
//!
//! It allocates all the time in warm(), until a line comes; then a thousand times in
//! counted_small() and in counted_large() each, and says "done".  It ends with its input.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::io::{stdin, BufRead};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

#[cfg(not(named))]
mod own {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};

    extern "C" {
        fn mmap(at: *mut u8, n: usize, prot: i32, flags: i32, fd: i32, offset: i64) -> *mut u8;
    }

    static LOCK: AtomicBool = AtomicBool::new(false);
    #[allow(clippy::declare_interior_mutable_const)]
    const NONE: AtomicUsize = AtomicUsize::new(0);
    static LIST: [AtomicUsize; 48] = [NONE; 48];
    static TOP: AtomicUsize = AtomicUsize::new(0);
    static END: AtomicUsize = AtomicUsize::new(0);
    const CHUNK: usize = 4 << 20;

    fn bin(size: usize) -> usize {
        (size + 16).next_power_of_two().trailing_zeros() as usize
    }

    unsafe fn fresh(bytes: usize) -> usize {
        let top = TOP.load(Relaxed);
        if top + bytes <= END.load(Relaxed) {
            TOP.store(top + bytes, Relaxed);
            return top;
        }
        let most = bytes.max(CHUNK);
        let new = mmap(std::ptr::null_mut(), most, 3, 0x22, -1, 0) as usize;
        TOP.store(new + bytes, Relaxed);
        END.store(new + most, Relaxed);
        new
    }

    #[inline(never)]
    #[no_mangle]
    pub unsafe extern "C" fn zz_obtain(align: usize, size: usize) -> *mut u8 {
        if align > 16 {
            return std::ptr::null_mut();
        }
        let bin = bin(size);
        while LOCK.swap(true, Acquire) {}
        let mut at = LIST[bin].load(Relaxed);
        if at == 0 {
            at = fresh(1 << bin);
        } else {
            LIST[bin].store(*(at as *const usize), Relaxed);
        }
        LOCK.store(false, Release);
        *(at as *mut usize) = bin;
        (at + 16) as *mut u8
    }

    #[inline(never)]
    #[no_mangle]
    pub unsafe extern "C" fn zz_release(block: *mut u8) {
        let at = block as usize - 16;
        let bin = *(at as *const usize);
        while LOCK.swap(true, Acquire) {}
        *(at as *mut usize) = LIST[bin].load(Relaxed);
        LIST[bin].store(at, Relaxed);
        LOCK.store(false, Release);
    }
}

#[cfg(named)]
mod own {
    extern "C" {
        fn mi_malloc_aligned(size: usize, align: usize) -> *mut u8;
        fn mi_free(block: *mut u8);
    }

    pub unsafe fn zz_obtain(align: usize, size: usize) -> *mut u8 {
        mi_malloc_aligned(size, align)
    }

    pub unsafe fn zz_release(block: *mut u8) {
        mi_free(block)
    }
}

struct Own;

unsafe impl GlobalAlloc for Own {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        own::zz_obtain(layout.align(), layout.size())
    }
    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        own::zz_release(block)
    }
}

#[global_allocator]
static OWN: Own = Own;

#[inline(never)]
fn warm(n: usize) -> Box<[u8]> {
    black_box(vec![1u8; 24 + n % 700].into_boxed_slice())
}

#[inline(never)]
fn counted_small() -> Box<[u8]> {
    black_box(vec![1u8; 40].into_boxed_slice())
}

#[inline(never)]
fn counted_large() -> Box<[u8]> {
    black_box(vec![1u8; 3000].into_boxed_slice())
}

static LINES: AtomicUsize = AtomicUsize::new(0);

fn main() {
    std::thread::spawn(|| {
        let mut line = String::new();
        while stdin().lock().read_line(&mut line).unwrap() > 0 {
            LINES.fetch_add(1, SeqCst);
        }
        std::process::exit(0);
    });
    println!("ready");
    let mut kept: Vec<Box<[u8]>> = Vec::new();
    let mut done = 0;
    for n in 0.. {
        kept.push(warm(n));
        if kept.len() > 500 {
            kept.clear();
        }
        std::thread::yield_now();
        if done < LINES.load(SeqCst) {
            done += 1;
            for _ in 0..1000 {
                drop(counted_small());
                drop(counted_large());
            }
            println!("done");
        }
    }
}
