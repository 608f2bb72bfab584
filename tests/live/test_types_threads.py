#!/usr/bin/env python3
"""The types of objects do not depend on the number of threads, for every Go version at hand.

test-tool-types_by_threads finds the types of all objects of a program of the zoo with one thread,
with two and with three, and compares them object by object.

usage: test_types_threads.py [VERSION...]
Environment: LEAKHOUND_BUILD (directory of the test tools), LEAKHOUND_CACHE, LEAKHOUND_QUICK=1 (two
versions, two programs).
"""
import sys

import truth
from truth import Program, Wrong

QUICK_VERSIONS = ("1.15", "1.27")
QUICK_PROGRAMS = ("bench-heap", "many-types")
PROGRAMS = {
    # more objects than are walked one after the other, in several chunks
    "bench-heap": ("-objects", "400000", "-bytes", "30000000"),
    "many-types": ("-scale", "0.2"),
    "webservice": ("-load", "-seconds", "1"),
    "holder-sync-map": ("-scale", "0.2"),
    "holder-closure": ("-scale", "0.2"),
}


def check(version, program, folder):
    path = truth.build(version, "stripped", program, folder / f"{program}-{version}")
    with Program(path, *PROGRAMS[program], folder=folder) as running:
        printed = truth.run_tool("types_by_threads", running.pid, "-", 1, 2, 3)
    path.unlink()
    lines = [line.split("\t") for line in printed.splitlines()]
    for fields in lines:
        if fields[0] == "differs":
            _, threads, address, one, many = fields
            raise Wrong(f"the object at {address} is {one!r} with one thread, {many!r} with {threads}")
    runs = [fields for fields in lines if fields[0] == "threads"]
    typed = {fields[5] for fields in runs}
    if len(runs) != 3 or len(typed) != 1 or int(typed.pop()) < int(runs[0][4]) // 4:
        raise Wrong(f"the runs found {[fields[4:] for fields in runs]} objects and types")


if __name__ == "__main__":
    programs = QUICK_PROGRAMS if truth.QUICK else PROGRAMS
    sys.exit(truth.run_versions("types-threads", QUICK_VERSIONS, programs, check, tool="types_by_threads"))
