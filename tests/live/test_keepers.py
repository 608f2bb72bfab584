#!/usr/bin/env python3
"""What leakhound keeps of maps, contexts and channels against what their program knows, for every Go
version at hand, with and without symbols.

goprogs/keepers deletes keys of sync.Maps in every way that leaves them behind or does not, leaves
contexts uncancelled and fills channels.

usage: test_keepers.py [VERSION...]
Environment: LEAKHOUND_BUILD (its tests/test-tool-facts_dump), LEAKHOUND_CACHE (its go/ has the
toolchains), LEAKHOUND_QUICK=1 (three versions only).
"""
import sys

import truth
from truth import Program, expect, inspect, minor

QUICK_VERSIONS = ("1.15", "1.23", "1.27")
VARIANTS = {"normal": [], "stripped": ["-ldflags=-s -w"]}
FIRST_WITHOUT_STALE_KEYS = 24


def check_stale(program, rows, version, variant):
    found = {}
    for _, holder, _, stale, _ in [r for r in rows if r[0] == "stale"]:
        found[holder] = found.get(holder, 0) + int(stale)
    if minor(version) >= FIRST_WITHOUT_STALE_KEYS:
        expect("stale keys", {}, found)
        return
    known = {f"main.{k}": n for k, n in program.truth["stale"].items() if n}
    if variant == "normal":
        expect("stale keys", known, found)
    else:  # variables have no names
        expect("stale keys", sorted(known.values()), sorted(found.values()))
    edges = {r[1]: int(r[4]) for r in rows if r[0] == "stale" and int(r[3])}
    if variant == "normal":
        # of two keys in one object, one of them live, no edge may be cut
        expect("edges of main.paired", program.truth["stale"]["paired"], edges["main.paired"])
        expect("edges of main.promoted", 2 * program.truth["stale"]["promoted"], edges["main.promoted"])


def check_findings(program, report, version):
    """What the facts lead to. Findings of less than 64 KiB are left out."""
    found = {(f["id"], f["holder"]): f for f in report["findings"]}
    stale = {h: f["count"] for (i, h), f in found.items() if i == "syncmap-stale-keys"}
    if minor(version) >= FIRST_WITHOUT_STALE_KEYS:
        expect("findings of stale keys", {}, stale)
    else:
        # the keys of main.amended stay with those of main.promoted, and main.paired's are small
        expect("findings of stale keys", {f"main.{n}": program.truth["stale"][n] for n in ("promoted", "named")}, stale)
    for name, lasts in (("server", "permanent"), ("limited", "temporary")):
        # cancel functions lead to the context, too
        of = [f for (i, h), f in found.items() if i == "context-children" and h in (f"main.{name}", f"main.{name}Ends")]
        expect(f"children of main.{name}", [(program.truth["left"][name], lasts, "proven")],
               [(f["count"], f["class"], f["confidence"]) for f in of])
    expect("old values", [("main.handed", program.truth["old"], "likely")],
           [(h, f["count"], f["confidence"]) for (i, h), f in found.items() if i == "map-values-pinned"])
    for name, sure in (("backlog", "likely"), ("waited", "likely"), ("busy", "possible")):
        of = [f for (i, h), f in found.items() if i == "chan-backlog" and f["count"] == program.truth["queued"][name]]
        if name == "waited" and not of:
            continue  # 33 KiB
        expect(f"backlog of main.{name}", [sure], [f["confidence"] for f in of])


def check(version, variant, folder):
    path = folder / f"keepers-{version}-{variant}"
    truth.build_own(version, "keepers", VARIANTS[variant], path)
    with Program(path) as program:
        rows = [line.split("\t") for line in truth.run_tool("facts_dump", program.pid).splitlines()]
        report = inspect(program.pid)
    path.unlink()
    check_stale(program, rows, version, variant)
    children = sorted((r[2], int(r[4])) for r in rows if r[0] == "children")
    expect("children", [("map[context.canceler]struct {}", n) for n in sorted(program.truth["children"].values())],
           children)
    channels = sorted((r[2], *map(int, r[3:])) for r in rows if r[0] == "channel")
    queued = program.truth["queued"]
    # 50 of the jobs have no connection, and a name in static data
    expect("channels", [("*main.connection", queued["waited"], 64, 7, 0, queued["waited"]),
                        ("*main.connection", queued["busy"], 256, 0, 0, queued["busy"]),
                        ("main.job", queued["backlog"], 1000, 0, 0, 2 * queued["backlog"] - 100)], channels)
    maps = [r for r in rows if r[0] == "maps"]
    expect("broken maps", ["0"], [r[2] for r in maps])
    if variant == "normal":
        check_findings(program, report, version)


if __name__ == "__main__":
    sys.exit(truth.run_versions("keepers", QUICK_VERSIONS, VARIANTS, check))
