#!/usr/bin/env python3
"""Stacks of goroutines that run while the program is stopped, for every Go version at hand.

Reads goprogs/busy_stacks again and again with test-tool-stack_dump. Wherever a stop finds a
goroutine - in its own code, in the allocator, on the system stack, in the vdso, in a signal handler,
in the middle of a preemption or of growing its stack - the object in its outermost frame must be
reported, and the walk must reach that frame (but for a few instructions of the switch itself).

usage: test_busy_stacks.py [VERSION...]
Environment: as test_stacks.py; LEAKHOUND_STOPS = stops per version (25; 5 when quick).
"""
import os
import subprocess
import sys
import tempfile

from test_stacks import Failure, Program, find_tool, go_build, read, versions_at_hand

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(HERE, "goprogs", "busy_stacks")
QUICK = os.environ.get("LEAKHOUND_QUICK") == "1"
STOPS = int(os.environ.get("LEAKHOUND_STOPS", "5" if QUICK else "25"))
OBJECT_BYTES = 64


def check(tool, version, directory):
    path = os.path.join(directory, f"busy-{version}")
    go_build(version, [], path, PROGRAM)
    program = Program(path)
    try:
        holdings = {words[1]: int(words[2], 16) for words in program.lines_until("READY")}
        walks, lost_walks, running = 0, [], 0
        for _ in range(STOPS):
            dump = read(tool, program.process)
            missing = [name for name, address in holdings.items() if not any(
                dump.reports(address, OBJECT_BYTES, values)
                for values in (dump.precise, dump.conservative))]
            if missing:
                raise Failure(f"not reported: {missing}")
            for goroutine in dump.goroutines.values():
                walks += 1
                running += goroutine.state == "running"
                if not goroutine.complete:
                    lost_walks.append(goroutine.frames[0][0] if goroutine.frames else "?")
        if len(lost_walks) > 1 + walks // 500:
            raise Failure(f"{len(lost_walks)} of {walks} walks were lost, in {sorted(set(lost_walks))}")
        if not running:
            raise Failure("no goroutine was running at any stop")
    finally:
        program.stop()
        os.unlink(path)


def main():
    tool = find_tool()
    if not tool:
        print("skip busy-stacks: test-tool-stack_dump is not built")
        return 0
    versions = sys.argv[1:] or versions_at_hand()
    if not versions:
        print("skip busy-stacks: no Go toolchains (scripts/go-toolchains fetches them)")
        return 0
    good = True
    with tempfile.TemporaryDirectory() as directory:
        for version in versions:
            try:
                check(tool, version, directory)
                print(f"ok busy-stacks/{version}", flush=True)
            except (Failure, subprocess.TimeoutExpired) as failure:
                print(f"FAIL busy-stacks/{version}: {failure}", flush=True)
                good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
