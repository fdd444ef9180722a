//! Calls within calls that a test knows: for each case, what its stacks must
//! look like stands beside it.
//!
//! Usage: nest CASE    (until it is killed)

use std::arch::asm;

#[repr(C)]
struct Sigaction {
    handler: extern "C" fn(i32),
    mask: [u64; 16],
    flags: i32,
    restorer: usize,
}

#[repr(C)]
struct Stack {
    start: *mut u8,
    flags: i32,
    size: usize,
}

type Order = extern "C" fn(*const u64, *const u64) -> i32;

extern "C" {
    fn qsort(base: *mut u64, n: usize, size: usize, order: Order);
    fn sigaction(signal: i32, new: *const Sigaction, old: *mut Sigaction) -> i32;
    fn sigaltstack(new: *const Stack, old: *mut Stack) -> i32;
}

const SIGTRAP: i32 = 5;
const SA_ONSTACK: i32 = 0x0800_0000;

/// The compiler must take it as it comes (std's black_box is of Rust 1.66).
#[inline(always)]
fn opaque<T>(x: T) -> T {
    unsafe { asm!("/* {} */", in(reg) &x as *const T, options(nostack, preserves_flags)) };
    x
}

#[inline(never)]
fn burn(n: u64) -> u64 {
    let mut x = opaque(88172645463325252u64);
    for _ in 0..n {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    x
}

// burn, then 200 times descend, then recursion.
#[inline(never)]
fn descend(levels: u64) -> u64 {
    if levels == 0 {
        return opaque(burn(200_000));
    }
    opaque(if levels == 1 {
        opaque(burn(200_000))
    } else {
        descend(levels - 1)
    }) + 1
}

#[inline(never)]
fn recursion() -> u64 {
    descend(opaque(200)) + 1
}

// burn, then 80 times pile, whose frames of 4 KiB no copy holds.
#[inline(never)]
fn pile(levels: u64) -> u64 {
    let mut room = opaque([levels; 512]);
    let below = if levels == 1 {
        burn(200_000)
    } else {
        pile(levels - 1)
    };
    room[(below % 512) as usize] = below;
    opaque(room)[7]
}

#[inline(never)]
fn huge() -> u64 {
    pile(opaque(80)) + 1
}

// burn, order, something of libc, sort.
extern "C" fn order(a: *const u64, b: *const u64) -> i32 {
    let (a, b) = unsafe { (*a, *b) };
    opaque(burn(2000));
    a.cmp(&b) as i32
}

#[inline(never)]
fn sort() -> u64 {
    let mut v: Vec<u64> = (0..100).map(|x| x * 7919 % 101).collect();
    unsafe { qsort(v.as_mut_ptr(), v.len(), 8, opaque(order as Order)) };
    v[0]
}

// burn, on_trap, libc's restorer, trap, signal: the handler stands between
// its thread's frames.
extern "C" fn on_trap(_: i32) {
    opaque(burn(200_000));
}

#[inline(never)]
fn trap() -> u64 {
    unsafe { asm!("int3") };
    opaque(1)
}

#[inline(never)]
fn signal() -> u64 {
    trap() + 1
}

// The same, but on_trap has a stack of its own: what it interrupted is on
// another one.
fn set_handler(flags: i32) {
    let action = Sigaction {
        handler: on_trap,
        mask: [0; 16],
        flags,
        restorer: 0,
    };
    unsafe { sigaction(SIGTRAP, &action, std::ptr::null_mut()) };
}

fn set_stack() {
    let room = Box::leak(vec![0u8; 65536].into_boxed_slice());
    let stack = Stack {
        start: room.as_mut_ptr(),
        flags: 0,
        size: room.len(),
    };
    unsafe { sigaltstack(&stack, std::ptr::null_mut()) };
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let case: fn() -> u64 = match args[1].as_str() {
        "recursion" => recursion,
        "huge" => huge,
        "sort" => sort,
        "signal" | "altstack" => signal,
        other => panic!("no case {}", other),
    };
    if args[1] == "altstack" {
        set_stack();
    }
    set_handler(if args[1] == "altstack" { SA_ONSTACK } else { 0 });
    loop {
        case();
    }
}
