"""Run as a process by the suites: takes a lease on a coordination, says so and since when, and holds it till killed."""

from __future__ import annotations

import sys
import time

from wxbackend.coordination.opening import open_coordination
from wxbackend.surroundings import clock_ms

if __name__ == "__main__":
    url, key, holder, ttl_s = sys.argv[1:]
    coordination = open_coordination(url, clock_ms)
    began_s = time.monotonic()
    taken = coordination.add(key, holder, ttl_s=int(ttl_s))
    sys.stdout.write(f"{began_s} {'taken' if taken else 'refused'}\n")
    sys.stdout.flush()
    time.sleep(60)
