#!/usr/bin/env python3
"""What leakhound reads of the garbage collector against what the program itself is told by
runtime.ReadMemStats, for every Go version at hand, with symbols and without (goprogs/gc).

usage: test_gc_figures.py [VERSION...]
Environment: LEAKHOUND_BUILD (directory of the test tools), LEAKHOUND_CACHE (its go/ has the
toolchains), LEAKHOUND_QUICK=1 (some versions only).
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import truth
from truth import Program, Wrong, expect, expect_near, minor

FOLDER = Path(__file__).resolve().parent / "goprogs" / "gc"
BUILD = Path(os.environ.get("LEAKHOUND_BUILD", truth.ROOT / "build"))
QUICK_VERSIONS = ("1.15", "1.19", "1.27")
VARIANTS = {"normal": [], "stripped": ["-ldflags=-s -w"], "pie": ["-buildmode=pie", "-ldflags=-s -w"]}
NO_LIMIT, NO_GOAL = (1 << 63) - 1, (1 << 64) - 1
NEAR = 0.01  # the goal under a memory limit follows the memory that is mapped
LIMIT_SINCE = 19

# Name: environment, GOGC, GOMEMLIMIT.
SETTINGS = {
    "usual": ({"KEPT": "20", "CYCLES": "3"}, 100, NO_LIMIT),
    "no cycle yet": ({}, 100, NO_LIMIT),
    "off": ({"GOGC": "off", "KEPT": "40"}, -1, NO_LIMIT),
    "off after cycles": ({"PERCENT": "-1", "KEPT": "40", "CYCLES": "2"}, -1, NO_LIMIT),
    "high": ({"GOGC": "800", "KEPT": "10", "CYCLES": "300"}, 800, NO_LIMIT),
    "set later": ({"PERCENT": "37", "KEPT": "30", "CYCLES": "1"}, 37, NO_LIMIT),
    "limit": ({"GOGC": "off", "GOMEMLIMIT": "256MiB", "KEPT": "40", "CYCLES": "2"}, -1, 256 << 20),
    "limit and GOGC": ({"GOMEMLIMIT": "1GiB", "KEPT": "40", "CYCLES": "2"}, 100, 1 << 30),
}


def find_tool():
    for directory in (BUILD, BUILD / "tests"):
        path = directory / "test-tool-gc_figures_dump"
        if os.access(path, os.X_OK):
            return path
    return None


def build(version, variant, path):
    environment = dict(os.environ, GO111MODULE="off", GOTOOLCHAIN="local", GOFLAGS="", CGO_ENABLED="0")
    done = subprocess.run([truth.CACHE / "go" / version / "bin" / "go", "build", "-o", path,
                           *VARIANTS[variant], "."], env=environment, cwd=FOLDER,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Wrong(f"does not build: {done.stdout.strip()[-300:]}")


def check(tool, path, environment, percent, limit):
    with Program(path, environment=environment) as program:
        done = subprocess.run([tool, str(program.pid)], stdout=subprocess.PIPE, text=True, check=True,
                              timeout=60)
        told = program.truth
    pace_known, read_percent, read_limit, goal, marked, cycles_known, cycles, last = map(
        int, done.stdout.split())
    expect("pace known", 1, pace_known)
    expect("cycles known", 1, cycles_known)
    expect("GOGC", percent, read_percent)
    expect("GOMEMLIMIT", limit, read_limit)
    expect("NumGC", told["num_gc"], cycles)
    expect("LastGC", told["last_gc"], last)
    if limit == NO_LIMIT and percent < 0:
        # the program is told a share of the limit that there is not
        expect("no goal", NO_GOAL, goal)
        if told["next_gc"] < NO_LIMIT // 2:
            raise Wrong(f"but the program has one of {told['next_gc']}")
    elif percent >= 0:
        expect("NextGC", told["next_gc"], goal)
    else:
        expect_near("NextGC", told["next_gc"], goal, NEAR)
    if cycles and marked < int(environment.get("KEPT", "0")) << 20 and environment.get("CYCLES"):
        raise Wrong(f"only {marked} bytes were marked")


def main():
    known = truth.versions()
    if truth.QUICK:
        known = [v for v in known if v in QUICK_VERSIONS] or known[-1:]
    versions = sorted(sys.argv[1:], key=minor) or known
    tool = find_tool()
    if not tool or not versions:
        print("skip gc_figures: no test-tool-gc_figures_dump or no Go toolchain")
        return 0
    failed = False
    with tempfile.TemporaryDirectory(prefix="leakhound-gc-") as folder:
        for version in versions:
            for variant in VARIANTS:
                path = Path(folder) / f"gc-{version}-{variant}"
                for name, (environment, percent, limit) in SETTINGS.items():
                    if limit != NO_LIMIT and minor(version) < LIMIT_SINCE:
                        continue
                    test = f"gc_figures/{version}/{variant}/{name}"
                    try:
                        if not path.exists():
                            build(version, variant, path)
                        check(tool, path, environment, percent, limit)
                        print(f"ok {test}", flush=True)
                    except (Wrong, OSError, ValueError, subprocess.SubprocessError) as problem:
                        failed = True
                        text = problem if isinstance(problem, Wrong) else repr(problem)
                        print(f"FAIL {test}: {text}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
