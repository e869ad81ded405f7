"""A loopback of one's own: what other tests do with network devices is not seen there.

A browser drops its connections when a device comes or goes anywhere on the machine (chromium: ERR_NETWORK_CHANGED), and other tests, as other
programs, make devices.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

CLONE_NEWNET = 0x40000000


@contextmanager
def own_network() -> Iterator[None]:
    """Moves this thread, and what it starts from now on, into a network namespace; without the right to do so nothing changes."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(CLONE_NEWNET) != 0:
            yield
            return
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            assert libc.setns(before, CLONE_NEWNET) == 0, "cannot return to the machine's network"
    finally:
        os.close(before)
