// Allocates and frees as fast as it can, beside code that does not allocate, until it is
// killed.

use std::hint::black_box;

#[inline(never)]
fn boxes(n: u64) -> u64 {
    (0..n).map(|i| black_box(Box::new([i; 14]))[3]).sum()
}

#[inline(never)]
fn strings(n: u64) -> u64 {
    (0..n).map(|i| black_box(format!("{}-{}", i, i & 7)).len() as u64).sum()
}

#[inline(never)]
fn crunch(n: u64) -> u64 {
    (0..n).fold(n, |s, i| black_box(s.wrapping_mul(6364136223846793005).wrapping_add(i)))
}

fn main() {
    println!("ready");
    loop {
        black_box(boxes(1000) + strings(300) + crunch(20000));
    }
}
