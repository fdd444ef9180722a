# The stacks of a program at many points, by gdb, which guesses from how functions begin
# where there are no tables, and by rsprof (oracle/walk):
#	WALK=... POINTS=1000 gdb -batch -x stops.py PROGRAM
# prints how many points were what, at last.  A point is some random time after the one
# before.  Where the two differ the program decides: the
# caller is where it returns to, with that stack pointer.  Where it does not return, as
# main(), or has been waited for too often, a stack counts as ours that reaches _start
# over return addresses that all stand behind calls, if gdb's does not reach it, or not
# over such: "outer" if only main() and its callers differ.  rustc's main() of C saves
# a register, which gdb takes for a return address.
import os
import random
import subprocess

import gdb

# In the order of walk's input.
REGISTERS = ('rip rsp r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi '
    'rdi').split()
SECONDS = 1  # for a function to return
WAITS = 20   # so often that is waited for in vain
OUTER = 8    # main() and its callers, at most
APART = 0.002 # seconds between two points, at most


def word(name):
    return int(gdb.newest_frame().read_register(name)) & (2 ** 64 - 1)


def by_gdb(most):
    found, frame = [], gdb.newest_frame()
    try:
        while frame is not None and len(found) < most:
            if frame.type() in (gdb.NORMAL_FRAME, gdb.SIGTRAMP_FRAME):
                found.append((frame.pc(),
                    int(frame.read_register('rsp')) & (2 ** 64 - 1)))
            frame = frame.older()
    except gdb.error:
        pass
    return found


def by_rsprof(walk):
    walk.stdin.write(' '.join('%x' % word(r) for r in REGISTERS) + '\n')
    walk.stdin.flush()
    found = []
    while True:
        line = walk.stdout.readline().split()
        if len(line) == 2:
            found.append((int(line[0], 16), int(line[1], 16)))
        elif line:
            end = line[0]
        else:
            return found, end


def behind_call(pc):
    try:
        code = bytes(gdb.selected_inferior().read_memory(pc - 8, 8))
    except (gdb.error, OverflowError): # there is no code
        return False
    return code[3] == 0xe8 or any(code[8 - n] == 0xff and code[9 - n] >> 3 & 7 == 2
        for n in range(2, 8))


# Let the program run for so long, or up to a breakpoint.  Threads of Python stand still
# meanwhile.
def go_on(seconds):
    stop = subprocess.Popen(['sh', '-c', 'sleep %f; kill -INT %d' %
        (seconds, gdb.selected_inferior().pid)])
    gdb.execute('continue', to_string=True)
    stop.kill()
    stop.wait()


# Where the program returns to: which of two frames, or None if to none in time.
def returns_to(frames):
    for pc, sp in frames:
        b = gdb.Breakpoint('*%d' % pc, temporary=True, internal=True)
        b.condition = '(unsigned long)$rsp == %d' % sp
    go_on(SECONDS)
    gdb.execute('delete', to_string=True)
    at = word('rip'), word('rsp')
    return at if at in frames else None


def judge(walk, tally):
    ours, end = by_rsprof(walk)
    gdbs = by_gdb(2 * len(ours))
    if gdbs[:len(ours)] == ours and end == 'end':
        return 'equal'
    same = 0
    while same < min(len(ours), len(gdbs)) and ours[same] == gdbs[same]:
        same += 1
    story = '%s: at %x ours %s %s, gdb %s' % ('%s', ours[0][0],
        ' '.join('%x/%x' % f for f in ours[max(same - 1, 0):same + 2]), end,
        ' '.join('%x/%x' % f for f in gdbs[same:same + 2]))
    whole = end == 'end' and all(behind_call(pc) for pc, sp in ours[1:])
    reached = ours[-1] in gdbs and all(behind_call(pc)
        for pc, sp in gdbs[1:gdbs.index(ours[-1]) + 1])
    if same == len(ours) or end != 'end':
        verdict = 'cut'
    else:
        to = None
        if same < len(ours) - OUTER and tally['ours'] < WAITS or not whole or reached:
            to = returns_to([f for f in [ours[same]] + gdbs[same:same + 1]
                if behind_call(f[0])])
        if to is None:
            outer = 'outer' if same >= len(ours) - OUTER else 'ours'
            verdict = outer if whole and not reached else 'undecided'
        else:
            verdict = 'returned' if to == ours[same] else 'wrong'
    if tally[verdict] < 5:
        print('# ' + story % verdict)
    return verdict


random.seed(int(os.environ.get('SEED', '1')))
tally = {'equal': 0, 'outer': 0, 'ours': 0, 'returned': 0, 'undecided': 0, 'wrong': 0, 'cut': 0}
for setting in ('backtrace past-main on', 'backtrace past-entry on', 'pagination off',
                'confirm off', 'language c'):
    gdb.execute('set ' + setting)
gdb.execute('handle SIGINT stop nopass', to_string=True)
gdb.execute('break main', to_string=True)
gdb.execute('run </dev/null >/dev/null', to_string=True)
gdb.execute('delete', to_string=True)
walk = subprocess.Popen([os.environ['WALK'], str(gdb.selected_inferior().pid)],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)
points = int(os.environ['POINTS'])
for i in range(points):
    go_on(random.uniform(0, APART))
    tally[judge(walk, tally)] += 1
print('points %d ' % points + ' '.join('%s %d' % t for t in tally.items()))
gdb.execute('kill')
