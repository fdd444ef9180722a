//! Allocates much in functions of known names, and says how much:
//!     site NAME allocs BYTES frees FREED live COUNT
//! as tests/target/heap.rs does.  It waits for a line before it begins, and before
//! it ends.

use std::io::Read;

/// Pieces of a size, of which it keeps one in so many.
#[inline(never)]
fn give(size: usize, pieces: usize, keep: usize) -> String {
    let mut kept = 0;
    for i in 0..pieces {
        let mut v: Vec<u8> = Vec::with_capacity(size);
        unsafe { v.as_mut_ptr().write_volatile(1) };
        if keep > 0 && i % keep == 0 {
            std::mem::forget(v);
            kept += 1;
        }
    }
    let gone = pieces - kept;
    format!("{} {} {} {} {} {}", pieces, pieces * size, gone, gone * size, kept * size, kept)
}

macro_rules! sites {
    ($($name:ident $size:literal $pieces:literal $keep:literal;)*) => {
        $(
            #[inline(never)]
            fn $name() {
                println!("site {} {}", stringify!($name), give($size, $pieces, $keep));
            }
        )*
        const SITES: &[fn()] = &[$($name,)*];
    };
}

sites! {
    site_a 100000 20000 100;
    site_b 40000 40000 100;
    site_c 20000 60000 50;
    site_d 8000 125000 50;
    site_e 3000 280000 40;
    site_f 1000 700000 40;
    site_g 300 2000000 30;
    site_h 4096 130000 0;
    site_i 512 900000 30;
    site_j 64 6000000 0;
    site_k 16 6000000 60;
    site_l 250000 400 4;
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
    for site in SITES {
        site();
    }
    println!("done");
    await_line();
}
