#!/usr/bin/env python3
"""What finalizers and cleanups keep alive, for every Go version at hand: of objects that are alive, of
objects that only their finalizer keeps, and those that wait to be run (goprogs/deferred).

usage: test_deferred.py [VERSION...]
Environment: LEAKHOUND (the binary), LEAKHOUND_CACHE (its go/ has the toolchains), LEAKHOUND_QUICK=1
(some versions only).
"""
import sys

import truth
from truth import Program, Wrong, expect, expect_near, inspect, minor

QUICK_VERSIONS = ("1.15", "1.24", "1.25", "1.27")
VARIANTS = {"normal": [], "stripped": ["-ldflags=-s -w"]}
ITEM_BYTES, RING_ITEMS, ITEMS = 16 << 10, 50, 200
NEAR = 0.03  # closures, the objects themselves, and those whose call has begun


def expected(version):
    """Holder: bytes behind it."""
    held = {"finalizers calling main.finalizeRing": RING_ITEMS,
            "finalizers about to run": ITEMS}
    if minor(version) >= 24:
        held["cleanups calling main.cleanUp"] = ITEMS
    if minor(version) == 24:  # one queue for both
        held["finalizers about to run"] += ITEMS
    elif minor(version) >= 25:
        held["cleanups about to run"] = ITEMS
    return {name: items * ITEM_BYTES for name, items in held.items()}


def check(version, variant, folder):
    path = folder / f"deferred-{version}-{variant}"
    truth.build_own(version, "deferred", VARIANTS[variant], path)
    # Two Ps: as many goroutines run cleanups at most, each with one block of them.
    with Program(path, environment={"GOMAXPROCS": "2"}) as program:
        report = inspect(program.pid)
    path.unlink()
    expect("notes", [], report.get("notes", []))
    holders = {h["name"]: h for h in report["holders"]}
    for name, size in expected(version).items():
        if name not in holders:
            raise Wrong(f"{name} is no holder; there are {sorted(holders)[:20]}")
        expect(f"kind of {name}", "finalizer", holders[name]["kind"])
        expect_near(f"bytes of {name}", size, holders[name]["retained_bytes"], NEAR)
    memory = report["memory"]
    if memory["heap_garbage_bytes"] > 2 * ITEM_BYTES:
        raise Wrong(f"{memory['heap_garbage_bytes']} bytes of garbage")


if __name__ == "__main__":
    sys.exit(truth.run_versions("deferred", QUICK_VERSIONS, VARIANTS, check, between="/"))
