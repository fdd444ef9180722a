//! A library that plugs loads, as the crate one or two: its functions take
//! their shares of 100 ms of CPU time.

#[repr(C)]
struct Timespec {
    sec: i64,
    nsec: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, t: *mut Timespec) -> i32;
}

const THREAD_CPU: i32 = 3;
const FIRST: u64 = if cfg!(one) { 80 } else { 30 };

fn clock() -> u64 {
    let mut t = Timespec { sec: 0, nsec: 0 };
    unsafe { clock_gettime(THREAD_CPU, &mut t) };
    t.sec as u64 * 1_000_000_000 + t.nsec as u64
}

#[inline(always)]
fn burn(ms: u64) {
    let until = clock() + ms * 1_000_000;
    let mut x = 88172645463325252u64;
    while clock() < until {
        for _ in 0..1000 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
        }
        unsafe { std::arch::asm!("/* {} */", in(reg) x) };
    }
}

#[inline(never)]
fn first() {
    burn(FIRST);
}

#[inline(never)]
fn second() {
    burn(100 - FIRST);
}

#[no_mangle]
pub extern "C" fn work() {
    first();
    second();
}
