#!/usr/bin/env python3
"""The whole analysis on damaged memory: cores of small real programs whose bytes are flipped, overwritten
and redirected, mostly in the runtime's own structures. Each variant must end with a report that adds up
or with one line of error, in time and in little memory (damage_run.c judges).

usage: test_damage.py [--only VERSION[,VERSION...]] [--first SEED] [--variants N] [--seconds N]
  --seconds N    go on with further variants of all versions for N seconds
Environment: LEAKHOUND_BUILD (its tests/ has damage_run), LEAKHOUND_CACHE (its go/ has the toolchains),
LEAKHOUND_QUICK=1 (a tenth).
To look at a failure: test_damage.py --only VERSION --keep FOLDER, then
  BUILD/tests/test-tool-damage_run FOLDER/core-VERSION SEED
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import truth
from truth import Program, Wrong

BUILD = Path(os.environ.get("LEAKHOUND_BUILD", truth.ROOT / "build" / "test" / "gcc"))
TOOL = BUILD / "tests" / "test-tool-damage_run"
# The layouts of memory that differ most; odd ones stripped, so that both ways to names are taken.
VERSIONS = {"1.15": "normal", "1.19": "stripped", "1.21": "normal", "1.22": "pie", "1.24": "stripped",
            "1.27": "normal"}
VARIANTS = 40 if truth.QUICK else 400
SOAK_VARIANTS = 200  # of a version before the next has its turn
SECONDS_PER_VARIANT = 6
MARKS = r"ERROR:|runtime error|Assertion|^ *#[0-5] .*/src/"
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1:exitcode=99",
              "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}


def make_core(version, folder):
    """A core of many-types, and its executable."""
    binary = truth.build(version, VERSIONS[version], "many-types", folder / f"many-types-{version}")
    core = folder / f"core-{version}"
    with Program(binary, "-scale", "0.05") as program:
        done = subprocess.run(["gcore", "-o", core, str(program.pid)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        made = Path(f"{core}.{program.pid}")
    if not made.exists():
        raise Wrong(f"gcore failed: {done.stdout[-200:]}")
    made.rename(core)
    # gcore writes reserved addresses as zeros; holes are read faster. Some file systems have none.
    subprocess.run(["fallocate", "--dig-holes", core], stderr=subprocess.DEVNULL, check=False)
    return core


def try_variants(core, first, count):
    """None, or what went wrong; and how many variants gave a report."""
    done = subprocess.run([TOOL, core, str(first), str(count)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=SECONDS_PER_VARIANT * count + 60, check=False,
                          env={**SANITIZERS, **os.environ})
    said = done.stdout.decode("utf-8", "replace")
    rows = re.findall(r"^([a-z-]+) (\d+) (\d+)$", said, re.M)
    reports = sum(int(row[1]) for row in rows)
    failures = re.split(r"^FAIL ", said, flags=re.M)[1:]
    if failures:
        return f"{len(failures)} of {count} variants: seed " + "; seed ".join(map(shorten, failures[:5])), reports
    if done.returncode or not rows:
        return f"exit status {done.returncode}: {done.stderr[-300:]!r}", reports
    if not reports:
        return f"none of {count} variants gave a report", reports
    return None, reports


def shorten(failure):
    """The first line, and of what a sanitizer said what it found and where."""
    lines = failure.splitlines()
    telling = [line.strip() for line in lines[1:] if re.search(MARKS, line)]
    return lines[0] + " " + " | ".join(line[:160] for line in (telling or lines[1:2])[:5])


def test(version, folder, first, count):
    try:
        core = folder / f"core-{version}"
        if not core.exists():
            make_core(version, folder)
        return try_variants(core, first, count)
    except (Wrong, OSError, subprocess.SubprocessError) as problem:
        return repr(problem), 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[-1])
    parser.add_argument("--only", default="")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--variants", type=int, default=VARIANTS)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--keep")
    arguments = parser.parse_args()
    if not os.access(TOOL, os.X_OK):
        print(f"skip damage: no {TOOL}")
        return 0
    if not shutil.which("gcore"):
        print("skip damage: there is no gcore (package gdb)")
        return 0
    versions = [v for v in truth.versions() if v in (arguments.only.split(",") if arguments.only else VERSIONS)]
    if not versions:
        print("skip damage: no Go toolchain (scripts/go-toolchains fetches them)")
        return 0
    failed, first, tried = False, arguments.first, 0
    count = SOAK_VARIANTS if arguments.seconds else arguments.variants
    end = time.monotonic() + arguments.seconds
    with tempfile.TemporaryDirectory(prefix="leakhound-damage-") as scratch, \
            ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = Path(arguments.keep or scratch)
        folder.mkdir(exist_ok=True)
        while True:
            results = pool.map(lambda v: (v, *test(v, folder, first, count)), versions)
            for version, problem, reports in results:
                failed = failed or problem is not None
                tried += count
                if problem:
                    print(f"FAIL damage/{version}/{first}: {problem}", flush=True)
                elif not arguments.seconds:
                    print(f"ok damage/{version}: {reports} of {count} variants gave a report", flush=True)
            first += count
            if time.monotonic() >= end:
                break
    if arguments.seconds:
        print(f"{tried} variants of damaged memory")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
