"""Run as a process by the suites: takes a lease on a coordination, says so, and holds it until it is killed."""

from __future__ import annotations

import sys
import time

from wxbackend.coordination.opening import open_coordination
from wxbackend.surroundings import clock_ms

if __name__ == "__main__":
    url, key, holder, ttl_s = sys.argv[1:]
    taken = open_coordination(url, clock_ms).add(key, holder, ttl_s=int(ttl_s))
    sys.stdout.write("taken\n" if taken else "refused\n")
    sys.stdout.flush()
    time.sleep(60)
