//! portions: three functions that take 60, 30 and 10 % of two seconds of CPU time and do
//! nothing but call std (wrapping_add, rotate_left, black_box); two of them are inlined
//! into their caller.  It begins once there is a line on its standard input, counts its
//! own time by the thread's clock and says so at its end:
//!
//!     most NS some NS few NS

use std::hint::black_box;

#[repr(C)]
struct Timespec {
    sec: i64,
    nsec: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, t: *mut Timespec) -> i32;
}

const THREAD_CPU: i32 = 3;
const ALL: u64 = 2_000_000_000;
const SHARES: [u64; 3] = [6, 3, 1];

fn clock() -> u64 {
    let mut t = Timespec { sec: 0, nsec: 0 };
    unsafe { clock_gettime(THREAD_CPU, &mut t) };
    t.sec as u64 * 1_000_000_000 + t.nsec as u64
}

#[inline(always)]
fn most(mut x: u64, n: u64) -> u64 {
    let mut i = 0u64;
    while i < n {
        x = black_box(x.wrapping_add(i)).rotate_left(5);
        i = i.wrapping_add(1);
    }
    x
}

#[inline(always)]
fn some(mut x: u64, n: u64) -> u64 {
    let mut i = 0u64;
    while i < n {
        x = black_box(x.rotate_left(7).wrapping_add(i));
        i = i.wrapping_add(1);
    }
    x
}

#[inline(never)]
fn few(mut x: u64, n: u64) -> u64 {
    let mut i = 0u64;
    while i < n {
        x = black_box(x.wrapping_add(i).rotate_left(3));
        i = i.wrapping_add(1);
    }
    x
}

#[inline(never)]
fn serve(which: usize, x: u64, n: u64) -> u64 {
    match which {
        0 => most(x, n),
        1 => some(x, n),
        _ => few(x, n),
    }
}

/// Always do what is furthest behind its share, in portions of random length: a regular
/// pattern could run in step with the sampling clock.
fn main() {
    let mut spent = [0u64; 3];
    let mut x = 1u64;
    let mut random = 88172645463325252u64;

    std::io::stdin().read_line(&mut String::new()).unwrap();
    let mut before = clock();
    while spent.iter().sum::<u64>() < ALL {
        let which = (0..3).min_by_key(|&i| spent[i] / SHARES[i]).unwrap();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        x = black_box(serve(which, black_box(x), 10_000 + random % 300_000));
        let now = clock();
        spent[which] += now - before;
        before = now;
    }
    println!("most {} some {} few {}", spent[0], spent[1], spent[2]);
}
