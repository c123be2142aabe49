"""Does what a file asks for: to crash alone, or to take a web process with it."""

import os
import pathlib
import signal
import sys
import time

ORDER = pathlib.Path("/var/lib/app/order")

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    time.sleep(0.1)
    if ORDER.exists():
        order = ORDER.read_text()
        ORDER.unlink()
        if order != "alone":  # a web process, which is of the same user and not seen in /proc
            os.kill(int(order), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGSEGV)
