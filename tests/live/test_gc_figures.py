#!/usr/bin/env python3
"""What leakhound reads of the garbage collector against what the program itself is told by
runtime.ReadMemStats, for every Go version at hand, with symbols and without (goprogs/gc).

usage: test_gc_figures.py [VERSION...]
Environment: LEAKHOUND_BUILD (directory of the test tools), LEAKHOUND_CACHE (its go/ has the
toolchains), LEAKHOUND_QUICK=1 (some versions only).
"""
import sys

import truth
from truth import Program, Wrong, expect, expect_near, minor

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


def cases(version):
    return [f"{variant}/{setting}" for variant in VARIANTS
            for setting, (_, _, limit) in SETTINGS.items()
            if limit == NO_LIMIT or minor(version) >= LIMIT_SINCE]


def check(version, case, folder):
    variant, setting = case.split("/")
    environment, percent, limit = SETTINGS[setting]
    path = folder / f"gc-{version}-{variant}"
    if not path.exists():
        truth.build_own(version, "gc", VARIANTS[variant], path)
    with Program(path, environment=environment) as program:
        printed = truth.run_tool("gc_figures_dump", program.pid)
        told = program.truth
    pace_known, read_percent, read_limit, goal, marked, cycles_known, cycles, last = map(
        int, printed.split())
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


if __name__ == "__main__":
    sys.exit(truth.run_versions("gc_figures", QUICK_VERSIONS, cases, check, tool="gc_figures_dump",
                                between="/"))
