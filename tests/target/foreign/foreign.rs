//! foreign: works by a C library (lib.c), which calls it back, in one thread, until
//! it is killed.

type Less = extern "C" fn(*const u32, *const u32, *mut u64) -> u64;

extern "C" {
    fn foreign_pack(from: *const u8, len: usize, out: *mut u8) -> usize;
    fn foreign_unpack(from: *const u8, len: usize, out: *mut u8) -> usize;
    fn foreign_match(pattern: *const u8, text: *const u8) -> i32;
    fn foreign_sort(base: *mut u32, n: usize, size: usize, less: Less, ctx: *mut u64);
    fn foreign_format(out: *mut u8, size: usize, which: u32, n: u64) -> usize;
}

/// The compiler must take it as it comes (std's black_box is of Rust 1.66).
#[inline(always)]
fn opaque<T: Copy>(t: T) -> T {
    unsafe { std::ptr::read_volatile(&t) }
}

#[inline(never)]
fn weigh(n: u32) -> u32 {
    (0..opaque(20)).fold(n, |a, _| opaque(a).wrapping_mul(2654435761).rotate_left(7))
}

extern "C" fn less(a: *const u32, b: *const u32, calls: *mut u64) -> u64 {
    let (a, b) = unsafe {
        *calls += 1;
        (*a, *b)
    };
    (weigh(a) < weigh(b)) as u64
}

#[inline(never)]
fn pack(text: &[u8]) -> usize {
    let mut small = vec![0u8; 2 * text.len() + 3];
    let mut again = vec![0u8; text.len() + 256];
    let n = unsafe { foreign_pack(text.as_ptr(), text.len(), small.as_mut_ptr()) };
    let n = unsafe { foreign_unpack(small.as_ptr(), n, again.as_mut_ptr()) };
    assert_eq!(&again[..n], text);
    n
}

#[inline(never)]
fn find(text: &[u8]) -> usize {
    let pattern = b"*a*b*c.x|*0*1*2$|.q\0";
    unsafe { foreign_match(pattern.as_ptr(), text.as_ptr()) as usize }
}

#[inline(never)]
fn sort(n: u64) -> u64 {
    let mut numbers: Vec<u32> = (0..200).map(|i| i * n as u32 + 3 * i).collect();
    let mut calls = 0;
    unsafe { foreign_sort(numbers.as_mut_ptr(), numbers.len(), 4, less, &mut calls) };
    calls
}

#[inline(never)]
fn write(n: u64) -> Vec<u8> {
    let mut text = Vec::new();
    for i in 0..60 {
        let mut out = [0u8; 64];
        let len = unsafe { foreign_format(out.as_mut_ptr(), out.len(), i as u32, i * n % 1009) };
        text.extend_from_slice(&out[..len]);
        text.extend_from_slice(b"aaabbbc ");
    }
    text.push(0);
    text
}

fn main() {
    let mut n = 1u64;
    loop {
        let text = write(n);
        let used = pack(&text) + find(&text);
        n = opaque(n + sort(n) + used as u64) % 1_000_000;
    }
}
