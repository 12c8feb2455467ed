"""Imported by every Python that a watched test run starts: SIGUSR1 writes the stacks of its threads to one file.

The handler is written in C and needs no lock of Python, so that it answers in a process that hangs in native code.
Processes that are forked have it from the one that they copy.
"""

import os

if os.environ.get("RPPG_STACKS") and os.name == "posix":
    import faulthandler
    import signal

    faulthandler.register(signal.SIGUSR1, file=open(os.environ["RPPG_STACKS"], "a"), all_threads=True)  # noqa: SIM115
