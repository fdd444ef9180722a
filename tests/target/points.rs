//! Stops, one after the other, at points whose stacks a test knows: it spins
//! there, so that a debugger and a sampling profiler see the same frames, and
//! tells with a line
//!
//!     POINT TID
//!
//! that it has arrived.  A line on its standard input lets it go on; the end
//! of the input ends it.
//!
//! Usage: points DIRECTORY [POINT...]    (the directory has points-*.so)

use std::arch::asm;
use std::cell::RefCell;
use std::ffi::{c_void, CString};
use std::future::Future;
use std::io::Write;
use std::os::raw::{c_char, c_int, c_long};
use std::panic;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::time::Duration;

#[path = "points/asm.rs"]
mod asm;
use asm::*;

type Handler = extern "C" fn(c_int, *const u64, *mut u64);
type Order = extern "C" fn(*const u64, *const u64) -> c_int;
type Start = extern "C" fn(*mut c_void) -> *mut c_void;
type Call = extern "C" fn() -> u64;

#[repr(C)]
struct Sigaction {
    handler: Handler,
    mask: [u64; 16],
    flags: c_int,
    restorer: usize,
}

#[repr(C)]
struct Stack {
    start: u64,
    flags: c_int,
    size: usize,
}

#[link(name = "dl")]
extern "C" {
    fn atexit(f: extern "C" fn()) -> c_int;
    fn clock_gettime(clock: c_int, t: u64) -> c_int;
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn exit(status: c_int) -> !;
    fn _exit(status: c_int) -> !;
    fn mmap(at: u64, len: usize, prot: c_int, flags: c_int, fd: c_int, from: i64) -> u64;
    fn mprotect(at: u64, len: usize, prot: c_int) -> c_int;
    fn pthread_attr_init(attr: *mut [u64; 16]) -> c_int;
    fn pthread_attr_setstack(attr: *mut [u64; 16], at: u64, size: usize) -> c_int;
    fn pthread_create(
        thread: *mut u64,
        attr: *const [u64; 16],
        start: Start,
        arg: *mut c_void,
    ) -> c_int;
    fn pthread_join(thread: u64, result: *mut *mut c_void) -> c_int;
    fn qsort(base: *mut u64, n: usize, size: usize, order: Order);
    fn raise(signal: c_int) -> c_int;
    fn sigaction(signal: c_int, new: *const Sigaction, old: *mut Sigaction) -> c_int;
    fn sigaltstack(new: *const Stack, old: *mut Stack) -> c_int;
    fn syscall(number: c_long) -> c_long;
}

const CLOCK_MONOTONIC_COARSE: c_int = 6; // needs no counter that the vDSO can read
const PROT_NONE: c_int = 0;
const PROT_READ_WRITE: c_int = 3;
const PROT_READ_EXEC: c_int = 5;
const MAP_PRIVATE_ANONYMOUS: c_int = 0x22;
const RTLD_NOW: c_int = 2;
const RTLD_LAZY: c_int = 1;
const SA_SIGINFO: c_int = 4;
const SA_ONSTACK: c_int = 0x0800_0000;
const SIGILL: c_int = 4;
const SIGUSR1: c_int = 10;
const SIGSEGV: c_int = 11;
const SIGUSR2: c_int = 12;
const SYS_GETTID: c_long = 186;
const PAGE: usize = 4096;
const MIB: usize = 1 << 20;

// What a handler gets of the interrupted registers, in words: sigaction(2),
// arch/x86/include/uapi/asm/sigcontext.h.
const SI_ADDR: usize = 2;
const UC_RSP: usize = 20;
const UC_RIP: usize = 21;

// ---- standing still ---------------------------------------------------------

/// Odd while a point stands.
static TURN: AtomicU64 = AtomicU64::new(0);
/// Which point it is, and the thread that stands there.
static POINT: AtomicUsize = AtomicUsize::new(0);
static TID: AtomicU64 = AtomicU64::new(0);

/// The compiler must take it as it comes (std's black_box is of Rust 1.66).
#[inline(always)]
fn opaque<T>(x: T) -> T {
    unsafe { asm!("/* {} */", in(reg) &x as *const T, options(nostack, preserves_flags)) };
    x
}

#[no_mangle]
#[inline(never)]
pub extern "C" fn spin() -> u64 {
    let now = TURN.load(SeqCst) + 1;
    TURN.store(now, SeqCst);
    while TURN.load(SeqCst) == now {
        std::hint::spin_loop();
    }
    now
}

/// For what spins by itself.
fn turn() -> *const u64 {
    &TURN as *const AtomicU64 as *const u64
}

/// This is the thread that will stand still.
fn here() {
    TID.store(unsafe { syscall(SYS_GETTID) } as u64, SeqCst);
}

/// Tell of each point as it is reached, and let it go when told to.
fn tell() {
    let mut line = String::new();
    loop {
        while TURN.load(SeqCst) % 2 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        println!("{} {}", POINTS[POINT.load(SeqCst)].0, TID.load(SeqCst));
        std::io::stdout().flush().unwrap();
        if std::io::stdin().read_line(&mut line).unwrap_or(0) == 0 {
            unsafe { _exit(0) };
        }
        TURN.fetch_add(1, SeqCst);
    }
}

// ---- means ------------------------------------------------------------------

fn map(len: usize, prot: c_int) -> u64 {
    let at = unsafe { mmap(0, len, prot, MAP_PRIVATE_ANONYMOUS, -1, 0) };
    assert!(at % PAGE as u64 == 0);
    at
}

fn handle(signal: c_int, handler: Handler, flags: c_int) {
    let action = Sigaction {
        handler,
        mask: [0; 16],
        flags: flags | SA_SIGINFO,
        restorer: 0,
    };
    unsafe { sigaction(signal, &action, std::ptr::null_mut()) };
}

fn set_signal_stack() {
    let stack = Stack {
        start: map(256 * 1024, PROT_READ_WRITE),
        flags: 0,
        size: 256 * 1024,
    };
    unsafe { sigaltstack(&stack, std::ptr::null_mut()) };
}

/// Have a thread of its own, with a stack of size bytes at such an address,
/// call f.
fn on_thread_at(stack: u64, size: usize, f: Start) {
    let mut attr = [0; 16];
    let mut thread = 0;
    unsafe {
        pthread_attr_init(&mut attr);
        assert!(pthread_attr_setstack(&mut attr, stack, size) == 0);
        assert!(pthread_create(&mut thread, &attr, f, std::ptr::null_mut()) == 0);
        pthread_join(thread, std::ptr::null_mut());
    }
}

fn open(name: &str, flags: c_int) -> *mut c_void {
    let directory = std::env::args().nth(1).unwrap();
    let path = CString::new(format!("{}/points-{}.so", directory, name)).unwrap();
    let library = unsafe { dlopen(path.as_ptr(), flags) };
    assert!(!library.is_null(), "cannot load {:?}", path);
    library
}

/// A function of one of the libraries.
fn find<F: Copy>(library: *mut c_void, name: &str) -> F {
    let name = CString::new(name).unwrap();
    let address = unsafe { dlsym(library, name.as_ptr()) };
    assert!(!address.is_null(), "there is no {:?}", name);
    unsafe { std::mem::transmute_copy(&address) }
}

/// Its callers are found by way of rbp.
#[repr(align(64))]
struct Aligned([u64; 8]);

/// A frame that needs the right rbp between a point and what it tries.
#[no_mangle]
#[inline(never)]
fn aligned(f: &dyn Fn() -> u64) -> u64 {
    let line = opaque(Aligned([7; 8]));
    let n = f();
    n + opaque(&line).0[3]
}

// ---- plain, deep and large --------------------------------------------------

#[no_mangle]
fn at_plain() -> u64 {
    opaque(spin()) + 1
}

#[no_mangle]
#[inline(never)]
fn descend(levels: u64) -> u64 {
    opaque(if levels == 1 {
        spin()
    } else {
        descend(levels - 1)
    }) + 1
}

#[no_mangle]
fn at_deep() -> u64 {
    descend(opaque(4000)) + 1
}

#[no_mangle]
#[inline(never)]
fn even(levels: u64) -> u64 {
    opaque(if levels == 0 { spin() } else { odd(levels - 1) }) + 1
}

#[no_mangle]
#[inline(never)]
fn odd(levels: u64) -> u64 {
    let room = opaque([levels; 5]);
    opaque(even(levels - 1)) + room[2]
}

#[no_mangle]
fn at_recursive() -> u64 {
    even(opaque(100)) + 1
}

#[no_mangle]
#[inline(never)]
fn pile(levels: u64) -> u64 {
    let room = opaque([levels; 20_000]);
    let n = if levels == 1 {
        spin()
    } else {
        pile(levels - 1)
    };
    opaque(&room)[n as usize % 9] + n
}

#[no_mangle]
fn at_huge() -> u64 {
    pile(opaque(3)) + 1
}

struct Later(bool);

impl Future for Later {
    type Output = u64;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<u64> {
        if self.0 {
            return Poll::Ready(opaque(pile(opaque(1))) + 1);
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

async fn fetch(n: usize) -> u64 {
    let room = opaque([n as u8; 150_000]);
    Later(false).await + opaque(&room)[n] as u64
}

async fn serve(n: usize) -> u64 {
    let room = opaque([n as u8; 150_000]);
    fetch(n + 1).await + opaque(&room)[n] as u64
}

fn waker() -> Waker {
    const TABLE: RawWakerVTable = RawWakerVTable::new(
        |_| RawWaker::new(std::ptr::null(), &TABLE),
        |_| {},
        |_| {},
        |_| {},
    );
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &TABLE)) }
}

#[no_mangle]
fn at_asynchronous() -> u64 {
    let waker = waker();
    let mut future = serve(opaque(3));
    let mut future: Pin<&mut dyn Future<Output = u64>> =
        unsafe { Pin::new_unchecked(opaque(&mut future)) };
    loop {
        if let Poll::Ready(n) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return n;
        }
    }
}

// ---- signals ----------------------------------------------------------------

#[no_mangle]
extern "C" fn on_signal(_: c_int, _: *const u64, _: *mut u64) {
    opaque(spin());
}

#[no_mangle]
extern "C" fn on_first_signal(_: c_int, _: *const u64, _: *mut u64) {
    opaque(unsafe { raise(SIGUSR2) });
}

/// A range of pages that cannot be used until a handler has seen to it.
static GUARD: AtomicU64 = AtomicU64::new(0);
static GUARD_LEN: AtomicUsize = AtomicUsize::new(0);

fn guard(start: u64, len: usize) {
    GUARD.store(start, SeqCst);
    GUARD_LEN.store(len, SeqCst);
    unsafe { mprotect(start, len, PROT_NONE) };
}

/// Spin, and mend what has raised the signal: an illegal instruction, a call
/// of address 0, or a guarded page.
#[no_mangle]
extern "C" fn on_fault(signal: c_int, info: *const u64, context: *mut u64) {
    let (start, len) = (GUARD.load(SeqCst), GUARD_LEN.load(SeqCst));
    opaque(spin());
    unsafe {
        let pc = context.add(UC_RIP);
        if signal == SIGILL {
            *pc += 2;
        } else if *pc == 0 {
            let sp = context.add(UC_RSP);
            *pc = *(*sp as *const u64);
            *sp += 8;
        } else if (*info.add(SI_ADDR)).wrapping_sub(start) < len as u64 {
            mprotect(start, len, PROT_READ_WRITE);
        } else {
            _exit(1);
        }
    }
}

#[no_mangle]
fn at_signal() -> u64 {
    handle(SIGUSR1, on_signal, 0);
    opaque(unsafe { raise(SIGUSR1) }) as u64 + 1
}

#[no_mangle]
fn at_signal_stack() -> u64 {
    set_signal_stack();
    handle(SIGUSR1, on_signal, SA_ONSTACK);
    opaque(unsafe { raise(SIGUSR1) }) as u64 + 1
}

#[no_mangle]
fn at_signal_in_signal() -> u64 {
    handle(SIGUSR1, on_first_signal, 0);
    handle(SIGUSR2, on_signal, 0);
    opaque(unsafe { raise(SIGUSR1) }) as u64 + 1
}

#[no_mangle]
fn at_first_instruction() -> u64 {
    handle(SIGILL, on_fault, 0);
    aligned(&|| opaque(unsafe { faulty() }) + 1)
}

#[no_mangle]
fn at_call_of_null() -> u64 {
    unsafe extern "C" fn null(_: Call) -> u64 {
        let n: u64;
        asm!("call {}", in(reg) opaque(0u64), lateout("rax") n, clobber_abi("C"));
        n
    }
    handle(SIGSEGV, on_fault, 0);
    opaque(unsafe { with_rbp(0, null, spin) })
}

#[no_mangle]
fn at_vdso() -> u64 {
    let page = map(PAGE, PROT_NONE);
    guard(page, PAGE);
    handle(SIGSEGV, on_fault, 0);
    opaque(unsafe { clock_gettime(CLOCK_MONOTONIC_COARSE, page) }) as u64 + 1
}

fn through_plt(name: &str) -> u64 {
    let library = open("plt", RTLD_LAZY);
    let page: extern "C" fn() -> u64 = find(library, "plt_page");
    let call: Call = find(library, name);
    handle(SIGSEGV, on_fault, 0);
    guard(page(), PAGE);
    aligned(&|| opaque(call()) + 1)
}

#[no_mangle]
fn at_plt() -> u64 {
    opaque(through_plt("plt_call")) + 1
}

#[no_mangle]
fn at_plt_0() -> u64 {
    opaque(through_plt("plt_call_0")) + 1
}

#[no_mangle]
#[inline(never)]
fn overflows() -> u64 {
    let room = opaque([1u64; MIB / 16]);
    opaque(&room)[5]
}

#[no_mangle]
extern "C" fn overflow_start(_: *mut c_void) -> *mut c_void {
    here();
    set_signal_stack();
    handle(SIGSEGV, on_fault, SA_ONSTACK);
    opaque(overflows());
    std::ptr::null_mut()
}

/// The first page that is missing is met on the way down to a new frame.
#[no_mangle]
fn at_overflow() -> u64 {
    let stack = map(4 * MIB, PROT_READ_WRITE);
    guard(stack, 4 * MIB - 256 * 1024);
    on_thread_at(stack, 4 * MIB, overflow_start);
    1
}

// ---- libraries --------------------------------------------------------------

#[no_mangle]
extern "C" fn order(a: *const u64, b: *const u64) -> c_int {
    let (a, b) = unsafe { (*a, *b) };
    if (a, b) == (3, 1) {
        opaque(spin());
    }
    a.cmp(&b) as c_int
}

#[no_mangle]
fn at_sort() -> u64 {
    let mut v = [3, 1, 2];
    unsafe { qsort(v.as_mut_ptr(), v.len(), 8, opaque(order as Order)) };
    v[0]
}

#[no_mangle]
extern "C" fn call_back() -> u64 {
    opaque(spin()) + 2
}

#[no_mangle]
fn at_constructor() -> u64 {
    std::env::set_var("POINTS_CALL", (call_back as *const () as usize).to_string());
    opaque(open("ctor", RTLD_NOW)) as u64 + 1
}

#[no_mangle]
fn at_foreign_realigned() -> u64 {
    let f: extern "C" fn(Call, u64) -> u64 = find(open("foreign", RTLD_NOW), "realigned");
    aligned(&|| opaque(f(call_back, opaque(100))) + 1)
}

#[no_mangle]
fn at_foreign_jumped() -> u64 {
    let f: extern "C" fn(Call) -> u64 = find(open("foreign", RTLD_NOW), "jumped");
    aligned(&|| opaque(f(call_back)) + 1)
}

#[no_mangle]
fn at_foreign_context() -> u64 {
    let f: extern "C" fn(Call, u64, usize) -> u64 = find(open("foreign", RTLD_NOW), "in_context");
    let stack = map(MIB, PROT_READ_WRITE);
    aligned(&|| opaque(f(call_back, stack, MIB)) + 1)
}

#[no_mangle]
fn at_frame_pointers() -> u64 {
    let f: Call = find(open("noeh", RTLD_NOW), "noeh_outer");
    let f: extern "C" fn(Call) -> u64 = unsafe { std::mem::transmute(f) };
    aligned(&|| opaque(f(call_back)) + 1)
}

fn frame_pointers_leaf(name: &str) -> u64 {
    let f: extern "C" fn(*const u64) -> u64 = find(open("noeh", RTLD_NOW), name);
    aligned(&|| opaque(f(turn())) + 1)
}

#[no_mangle]
fn at_frame_pointers_leaf() -> u64 {
    opaque(frame_pointers_leaf("noeh_spin_outer")) + 1
}

/// A leaf function without locals has no frame pointer all the same.
#[no_mangle]
fn at_frame_pointers_bare_leaf() -> u64 {
    opaque(frame_pointers_leaf("noeh_spin_bare_outer")) + 1
}

#[no_mangle]
fn at_frame_pointers_partly() -> u64 {
    let f: extern "C" fn(Call) -> u64 = find(open("partly", RTLD_NOW), "noeh_outer");
    aligned(&|| opaque(f(call_back)) + 1)
}

fn without_frame_pointers(rbp: u64) -> u64 {
    let f: Through = find(open("nofp", RTLD_NOW), "noeh_outer");
    opaque(unsafe { with_rbp(rbp, f, call_back) }) + 1
}

#[no_mangle]
fn at_no_frame_pointers() -> u64 {
    opaque(without_frame_pointers(0x1234_5678)) + 1
}

#[no_mangle]
fn at_no_frame_pointers_rbp_0() -> u64 {
    opaque(without_frame_pointers(0)) + 1
}

/// rbp is that of an older frame.
#[no_mangle]
fn at_no_frame_pointers_rbp_of_caller() -> u64 {
    let f: extern "C" fn(Call) -> u64 = find(open("nofp", RTLD_NOW), "noeh_outer");
    aligned(&|| opaque(f(call_back)) + 1)
}

/// rbp leads to what looks like a frame: the address of an older one, and one
/// of code.
#[no_mangle]
fn at_no_frame_pointers_decoy() -> u64 {
    let mut fake = [0, at_plain as *const () as u64 + 1, 0, 0];
    fake[0] = &fake[2] as *const u64 as u64;
    opaque(without_frame_pointers(opaque(&fake).as_ptr() as u64)) + fake[1]
}

#[no_mangle]
fn at_no_unwind_information() -> u64 {
    opaque(unsafe { with_rbp(0, nocfi, call_back) }) + 1
}

// ---- code that no file stands behind ----------------------------------------

fn assemble(code: &[u8]) -> u64 {
    let page = map(PAGE, PROT_READ_WRITE);
    unsafe {
        std::ptr::copy_nonoverlapping(code.as_ptr(), page as *mut u8, code.len());
        mprotect(page, PAGE, PROT_READ_EXEC);
    }
    page
}

fn compiled(code: &[u8], rbp: u64, call: Call) -> u64 {
    let f: Through = unsafe { std::mem::transmute(assemble(code)) };
    opaque(unsafe { with_rbp(rbp, f, call) }) + 1
}

/// sub $8, %rsp; call *%rdi; add $8, %rsp; ret
const CALLS: [u8; 11] = *b"\x48\x83\xec\x08\xff\xd7\x48\x83\xc4\x08\xc3";
/// push %rbp; mov %rsp, %rbp; call *%rdi; pop %rbp; ret
const CALLS_FRAMED: [u8; 8] = *b"\x55\x48\x89\xe5\xff\xd7\x5d\xc3";
/// As spin(): mov (%rdi), %rax; inc %rax; mov %rax, (%rdi); 1: pause;
/// cmp %rax, (%rdi); je 1b; ret
const SPINS: [u8; 17] = *b"\x48\x8b\x07\x48\xff\xc0\x48\x89\x07\xf3\x90\x48\x39\x07\x74\xf9\xc3";

#[no_mangle]
fn at_compiled_call() -> u64 {
    opaque(compiled(&CALLS, 0x1234_5678, call_back)) + 1
}

#[no_mangle]
fn at_compiled_call_rbp_0() -> u64 {
    opaque(compiled(&CALLS, 0, call_back)) + 1
}

#[no_mangle]
fn at_compiled_call_framed() -> u64 {
    opaque(compiled(&CALLS_FRAMED, 0, call_back)) + 1
}

#[no_mangle]
fn at_compiled_leaf() -> u64 {
    let f: extern "C" fn(*const u64) -> u64 = unsafe { std::mem::transmute(assemble(&SPINS)) };
    opaque(f(turn())) + 1
}

// ---- threads ----------------------------------------------------------------

thread_local! {
    static LAST: RefCell<Option<Guard>> = RefCell::new(None);
}

fn on_std_thread(f: fn()) {
    let run = move || {
        here();
        f()
    };
    std::thread::spawn(run).join().unwrap();
}

#[no_mangle]
#[inline(never)]
fn in_thread() {
    opaque(spin());
}

#[no_mangle]
fn at_thread() -> u64 {
    on_std_thread(in_thread);
    1
}

#[no_mangle]
#[inline(never)]
fn in_thread_with_local() {
    LAST.with(|l| *l.borrow_mut() = Some(Guard));
}

#[no_mangle]
fn at_thread_local_drop() -> u64 {
    on_std_thread(in_thread_with_local);
    1
}

#[no_mangle]
extern "C" fn start(_: *mut c_void) -> *mut c_void {
    here();
    opaque(spin());
    std::ptr::null_mut()
}

#[no_mangle]
fn at_bare_thread() -> u64 {
    on_thread_at(map(MIB, PROT_READ_WRITE), MIB, start);
    1
}

// ---- panics -----------------------------------------------------------------

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        opaque(dropped());
    }
}

#[no_mangle]
#[inline(never)]
fn dropped() -> u64 {
    opaque(spin()) + 3
}

#[no_mangle]
#[inline(never)]
fn panics(n: u64) -> u64 {
    if opaque(n) == 7 {
        panic!("on purpose");
    }
    n
}

#[no_mangle]
#[inline(never)]
fn unwinds(n: u64) -> u64 {
    let _guard = if n == 7 { Some(Guard) } else { None };
    aligned(&|| panics(opaque(n)) + 1)
}

#[no_mangle]
fn at_unwinding() -> u64 {
    panic::set_hook(Box::new(|_| ()));
    let caught = panic::catch_unwind(|| unwinds(opaque(7)));
    let _ = panic::take_hook();
    caught.is_err() as u64
}

#[no_mangle]
fn at_panic_hook() -> u64 {
    panic::set_hook(Box::new(|_| {
        opaque(dropped());
    }));
    let caught = panic::catch_unwind(|| aligned(&|| panics(opaque(7)) + 1));
    let _ = panic::take_hook();
    caught.is_err() as u64
}

#[no_mangle]
#[inline(never)]
fn never() -> ! {
    opaque(spin());
    panic::resume_unwind(Box::new(1));
}

/// The call is its last instruction.
#[no_mangle]
#[inline(never)]
fn calls_never(n: u64) -> u64 {
    let room = opaque([n; 9]);
    if room[3] == 7 {
        never();
    }
    opaque(&room)[4]
}

#[no_mangle]
fn at_no_return() -> u64 {
    panic::catch_unwind(|| aligned(&|| calls_never(opaque(7)) + 1)).is_err() as u64
}

// ---- stacks that are none, and others ---------------------------------------

#[no_mangle]
fn at_realigned() -> u64 {
    aligned(&|| opaque(spin()) + 1)
}

#[no_mangle]
fn at_saved_stack_pointer() -> u64 {
    aligned(&|| opaque(unsafe { perlasm(call_back) }) + 1)
}

#[no_mangle]
fn at_own_stack() -> u64 {
    let top = map(MIB, PROT_READ_WRITE) + MIB as u64;
    opaque(unsafe { coroutine(top, call_back) }) + 1
}

/// The part of a thread's memory that is not its stack: to call something on.
static OTHER: AtomicU64 = AtomicU64::new(0);

#[no_mangle]
extern "C" fn segment_start(_: *mut c_void) -> *mut c_void {
    here();
    aligned(&|| opaque(unsafe { on_stack(OTHER.load(SeqCst), call_back) }) + 1);
    std::ptr::null_mut()
}

#[no_mangle]
fn at_segment_below() -> u64 {
    let memory = map(4 * MIB, PROT_READ_WRITE);
    OTHER.store(memory + MIB as u64, SeqCst);
    on_thread_at(memory + 2 * MIB as u64, 2 * MIB, segment_start);
    1
}

#[no_mangle]
fn at_segment_above() -> u64 {
    let memory = map(4 * MIB, PROT_READ_WRITE);
    OTHER.store(memory + 4 * MIB as u64, SeqCst);
    on_thread_at(memory, 2 * MIB, segment_start);
    1
}

fn lost(rsp: u64) -> u64 {
    opaque(unsafe { spin_lost(turn(), rsp) }) + 1
}

#[no_mangle]
fn at_lost_nowhere() -> u64 {
    opaque(lost(0xdead_0000)) + 1
}

#[no_mangle]
fn at_lost_in_kernel() -> u64 {
    opaque(lost(0xffff_8880_0000_0000)) + 1
}

#[no_mangle]
fn at_lost_in_guard() -> u64 {
    opaque(lost(map(2 * PAGE, PROT_NONE) + PAGE as u64)) + 1
}

#[no_mangle]
fn at_lost_odd() -> u64 {
    opaque(lost(map(MIB, PROT_READ_WRITE) + MIB as u64 / 2 + 1)) + 1
}

// ---- the end ----------------------------------------------------------------

#[no_mangle]
extern "C" fn on_exit() {
    opaque(spin());
}

#[no_mangle]
fn at_leave() -> u64 {
    unsafe {
        atexit(on_exit);
        exit(0)
    }
}

const POINTS: &[(&str, fn() -> u64)] = &[
    ("plain", at_plain),
    ("deep", at_deep),
    ("recursive", at_recursive),
    ("huge", at_huge),
    ("asynchronous", at_asynchronous),
    ("signal", at_signal),
    ("signal-in-signal", at_signal_in_signal),
    ("signal-stack", at_signal_stack),
    ("first-instruction", at_first_instruction),
    ("call-of-null", at_call_of_null),
    ("vdso", at_vdso),
    ("plt", at_plt),
    ("plt-0", at_plt_0),
    ("overflow", at_overflow),
    ("sort", at_sort),
    ("constructor", at_constructor),
    ("foreign-realigned", at_foreign_realigned),
    ("foreign-jumped", at_foreign_jumped),
    ("foreign-context", at_foreign_context),
    ("frame-pointers", at_frame_pointers),
    ("frame-pointers-leaf", at_frame_pointers_leaf),
    ("frame-pointers-bare-leaf", at_frame_pointers_bare_leaf),
    ("frame-pointers-partly", at_frame_pointers_partly),
    ("no-frame-pointers", at_no_frame_pointers),
    ("no-frame-pointers-rbp-0", at_no_frame_pointers_rbp_0),
    (
        "no-frame-pointers-rbp-of-caller",
        at_no_frame_pointers_rbp_of_caller,
    ),
    ("no-frame-pointers-decoy", at_no_frame_pointers_decoy),
    ("no-unwind-information", at_no_unwind_information),
    ("compiled-call", at_compiled_call),
    ("compiled-call-rbp-0", at_compiled_call_rbp_0),
    ("compiled-call-framed", at_compiled_call_framed),
    ("compiled-leaf", at_compiled_leaf),
    ("thread", at_thread),
    ("thread-local-drop", at_thread_local_drop),
    ("bare-thread", at_bare_thread),
    ("unwinding", at_unwinding),
    ("panic-hook", at_panic_hook),
    ("no-return", at_no_return),
    ("realigned", at_realigned),
    ("saved-stack-pointer", at_saved_stack_pointer),
    ("own-stack", at_own_stack),
    ("segment-below", at_segment_below),
    ("segment-above", at_segment_above),
    ("lost-nowhere", at_lost_nowhere),
    ("lost-in-kernel", at_lost_in_kernel),
    ("lost-in-guard", at_lost_in_guard),
    ("lost-odd", at_lost_odd),
    ("leave", at_leave),
];

#[no_mangle]
#[inline(never)]
fn run(point: fn() -> u64) -> u64 {
    here();
    opaque(opaque(point)()) + 1
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(2).collect();
    let mut sum = 0;
    std::thread::spawn(tell);
    for (i, point) in POINTS.iter().enumerate() {
        if wanted.is_empty() || wanted.iter().any(|w| w == point.0) {
            POINT.store(i, SeqCst);
            sum += run(point.1);
        }
    }
    opaque(sum);
}
