//! crowd BITS: allocates from 2^BITS stacks, once each, when a line comes: 100000 + N bytes
//! from the stack of number N.  Then it says "allocs COUNT bytes SUM" and waits for another line.
use std::hint::black_box;

#[inline(never)]
fn block(size: usize) -> usize {
    let mut v: Vec<u8> = Vec::with_capacity(size);
    unsafe { v.as_mut_ptr().write_volatile(1) };
    v.capacity()
}

#[inline(never)]
fn even(depth: u32, path: usize, size: usize) -> usize {
    black_box(spread(depth, path, size))
}

#[inline(never)]
fn odd(depth: u32, path: usize, size: usize) -> usize {
    black_box(spread(depth, path, size)) ^ black_box(0)
}

/// Calls one of two for each bit of the number.
fn spread(depth: u32, path: usize, size: usize) -> usize {
    if depth == 0 {
        block(size)
    } else if path & 1 == 0 {
        even(depth - 1, path >> 1, size)
    } else {
        odd(depth - 1, path >> 1, size)
    }
}

fn await_line() {
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

fn main() {
    let bits: u32 = std::env::args().nth(1).unwrap().parse().unwrap();
    println!("ready");
    await_line();
    let (mut allocs, mut bytes) = (0, 0);
    for path in 0..1usize << bits {
        bytes += spread(bits, path, 100_000 + path);
        allocs += 1;
    }
    println!("allocs {allocs} bytes {bytes}");
    await_line();
}
