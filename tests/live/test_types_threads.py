#!/usr/bin/env python3
"""The types of objects do not depend on the number of threads, for every Go version at hand.

test-tool-types_by_threads finds the types of all objects of a program of the zoo with one thread,
with two and with three, and compares them object by object.

usage: test_types_threads.py [VERSION...]
Environment: LEAKHOUND_BUILD (directory of the test tools), LEAKHOUND_CACHE, LEAKHOUND_QUICK=1 (two
versions, two programs).
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import truth
from truth import Program, Wrong, minor

BUILD = Path(os.environ.get("LEAKHOUND_BUILD", truth.ROOT / "build"))
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


def find_tool():
    for directory in (BUILD, BUILD / "tests"):
        path = directory / "test-tool-types_by_threads"
        if os.access(path, os.X_OK):
            return path
    return None


def check(tool, version, program, folder):
    path = truth.build(version, "stripped", program, Path(folder) / f"{program}-{version}")
    with Program(path, *PROGRAMS[program], folder=folder) as running:
        done = subprocess.run([tool, str(running.pid), "-", "1", "2", "3"], stdout=subprocess.PIPE,
                              text=True, check=True, timeout=truth.SECONDS_TO_INSPECT)
    path.unlink()
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    for fields in lines:
        if fields[0] == "differs":
            _, threads, address, one, many = fields
            raise Wrong(f"the object at {address} is {one!r} with one thread, {many!r} with {threads}")
    runs = [fields for fields in lines if fields[0] == "threads"]
    typed = {fields[5] for fields in runs}
    if len(runs) != 3 or len(typed) != 1 or int(typed.pop()) < int(runs[0][4]) // 4:
        raise Wrong(f"the runs found {[fields[4:] for fields in runs]} objects and types")


def main():
    tool = find_tool()
    versions = sorted(sys.argv[1:] or truth.versions(), key=minor)
    if truth.QUICK:
        versions = [v for v in versions if v in QUICK_VERSIONS] or versions[-1:]
    if not tool or not versions:
        print("skip types-threads: no test-tool-types_by_threads or no Go toolchain")
        return 0
    failed = False
    with tempfile.TemporaryDirectory(prefix="leakhound-types-") as folder:
        for version in versions:
            for program in QUICK_PROGRAMS if truth.QUICK else PROGRAMS:
                name = f"types-threads-{version}-{program}"
                try:
                    check(tool, version, program, folder)
                    print(f"ok {name}", flush=True)
                except (Wrong, OSError, ValueError, subprocess.SubprocessError) as problem:
                    failed = True
                    print(f"FAIL {name}: {str(problem)[:600]}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
