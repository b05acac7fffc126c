# ruff: noqa: PLR1722
import os
import signal
import sys

import neighbour
from asterisk.agi import AGI

before = signal.signal(signal.SIGHUP, lambda *_: agi.env.__setitem__("hung", "up"))
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_REAL, 0.01)
os.kill(os.getpid(), signal.SIGHUP)
agi = AGI()
if os.fork() == 0:
    agi.verbose("from a child")  # which must not speak for its parent
agi.set_variable("BEFORE", before)
agi.set_variable("NEIGHBOUR", neighbour.NAME)
sys.stdin.close()
exit()
