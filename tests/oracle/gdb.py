# The frames of every thread as gdb finds them: gdb -p PID -x gdb.py
#	thread TID
#	PC KIND SP
# innermost first; without inlined calls, which are no frames.  KIND is signal
# for a signal handler's return, else call.
import gdb

KINDS = {gdb.NORMAL_FRAME: 'call', gdb.SIGTRAMP_FRAME: 'signal'}


def frames():
    frame = gdb.newest_frame()
    while frame is not None:
        kind = KINDS.get(frame.type())
        if kind:
            print('%x %s %x' % (frame.pc(), kind, frame.read_register('rsp')))
        frame = frame.older()


for setting in ('backtrace past-main on', 'backtrace past-entry on',
                'backtrace limit unlimited'):
    gdb.execute('set ' + setting)
for thread in gdb.selected_inferior().threads():
    thread.switch()
    print('thread %d' % thread.ptid[1])
    try:
        frames()
    except gdb.error as problem:
        print('# %s' % problem)
