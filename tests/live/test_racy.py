#!/usr/bin/env python3
"""Reading a program that runs on (--freeze=none) while it changes everything: goprogs/churn keeps
-steady MiB still and turns over all the rest. Every report must come, must add up, must show what
stood still as it is, and must bound its own error so that this part is beyond doubt.

usage: test_racy.py [--times N] [VERSION...]
Environment: LEAKHOUND (the binary), LEAKHOUND_CACHE (its go/ has the toolchains), LEAKHOUND_QUICK=1
(some versions, fewer times).
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import truth
from truth import Program, Wrong, expect, expect_near, inspect, minor

QUICK_VERSIONS = ("1.15", "1.21", "1.27")
STEADY_MIB = 32
STEADY = STEADY_MIB << 20
NEAR = 0.01  # the slice that points to the blocks


def look(program):
    """The bytes that were in doubt."""
    report = inspect(program.pid, "--freeze", "none")
    memory, drift = report["memory"], report["drift"]
    expect("freeze", "none", report["target"]["freeze"])
    expect("held alone + shared + garbage", memory["heap_objects_bytes"],
           memory["held_alone_bytes"] + memory["shared_bytes"] + memory["heap_garbage_bytes"])
    expect("live + garbage", memory["heap_objects_bytes"],
           memory["heap_live_bytes"] + memory["heap_garbage_bytes"])
    if not any(note.startswith("read while the program ran on") for note in report["notes"]):
        raise Wrong(f"the report does not say how it was read: {report['notes']}")
    # A stack that moves while it is read is taken as it lies: what is left on it may hold, too.
    steady = [h["retained_bytes"] for h in report["holders"] if h["name"] == "main.steady"]
    steady += [s["retained_bytes"] for s in report["shared"] if "main.steady" in s["holders"]]
    if not steady:
        raise Wrong(f"no main.steady among {[h['name'] for h in report['holders']][:10]}")
    expect_near("bytes of main.steady", STEADY, sum(steady), NEAR)
    sure = memory["heap_live_bytes"] - drift["doubtful_bytes"]
    if sure < STEADY:
        raise Wrong(f"only {sure} bytes of what is live are beyond doubt: {drift}")
    return drift["doubtful_bytes"]


def check(version, folder, times):
    path = Path(folder) / f"churn-{version}"
    truth.build_own(version, "churn", (), path)
    with Program(path, "-steady", STEADY_MIB) as program:
        doubts = [look(program) for _ in range(times)]
        if not program.runs():
            raise Wrong("the program does not run on")
        # The program never rests: a reading that saw no change did not look.
        if not any(doubts):
            raise Wrong(f"{times} readings and never a doubt")
        # Held still there is nothing to doubt.
        if inspect(program.pid, "--freeze", "stop")["drift"] is not None:
            raise Wrong("drift without --freeze=none")
    path.unlink()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=2 if truth.QUICK else 4)
    parser.add_argument("versions", nargs="*")
    asked = parser.parse_args()
    known = truth.versions()
    if truth.QUICK:
        known = [v for v in known if v in QUICK_VERSIONS] or known[-1:]
    versions = sorted(asked.versions, key=minor) or known
    if not versions:
        print("skip racy: no Go toolchain at hand")
        return 0
    failed = False
    with tempfile.TemporaryDirectory(prefix="leakhound-racy-") as folder:
        for version in versions:
            try:
                check(version, folder, asked.times)
                print(f"ok racy/{version}", flush=True)
            except (Wrong, OSError, ValueError, LookupError, subprocess.SubprocessError) as problem:
                failed = True
                text = problem if isinstance(problem, Wrong) else repr(problem)
                print(f"FAIL racy/{version}: {text}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
