#!/usr/bin/env python3
"""Maps as leakhound reads them against what the program that owns them knows, for every Go version at
hand, with and without symbols.

goprogs/maps makes maps of many key and element types, small, grown, in growth, emptied, cleared and
refilled, and tells of each the length, a digest of its entries, and of some what the heap grew by.

usage: test_maps.py [VERSION...]
Environment: LEAKHOUND_BUILD (its tests/test-tool-maps_dump), LEAKHOUND_CACHE (its go/ has the
toolchains), LEAKHOUND_QUICK=1 (three versions only).
"""
import sys

import truth
from truth import Program, Wrong, expect, expect_near, minor

QUICK_VERSIONS = ("1.15", "1.23", "1.27")
VARIANTS = {"normal": [], "stripped": ["-ldflags=-s -w"]}
FIRST_SWISS = 24
HEADER_BYTES = 48
COLUMNS = ("address", "type", "count", "entries", "digest", "bytes", "anew", "slots", "tombstones", "deleted",
           "overflow", "cheap", "state")


def dump(pid, addresses):
    seen = {}
    for line in truth.run_tool("maps_dump", pid, *addresses).splitlines():
        fields = line.split("\t")
        if len(fields) != len(COLUMNS):
            raise Wrong(f"maps_dump says: {line} of {addresses.index(fields[0])}")
        row = dict(zip(COLUMNS, fields))
        for name in COLUMNS[2:4] + COLUMNS[5:-1]:
            row[name] = int(row[name])
        seen[row["address"]] = row
    return seen


def check_map(told, row, swiss):
    name = told["name"]
    expect(f"{name}: type", told["type"], row["type"])
    expect(f"{name}: length", told["len"], row["count"])
    expect(f"{name}: entries", told["len"], row["entries"])
    expect(f"{name}: digest", told["digest"], row["digest"])
    expect(f"{name}: growing", told["growing"], "growing" in row["state"])
    if row["bytes"] < row["cheap"]:
        raise Wrong(f"{name}: {row['bytes']} bytes with its overflow buckets, {row['cheap']} without")
    if told["grown"]:
        # beside the tables, the runtime may have allocated a little for itself meanwhile
        expect_near(f"{name}: bytes", told["grown"] - HEADER_BYTES, row["bytes"], 0.002 + 400 / told["grown"])
        expect_near(f"{name}: bytes made anew", told["again"] - HEADER_BYTES, row["anew"], 0.002 + 400 / told["again"])
        if not swiss:
            expect(f"{name}: grown", True, "grown" in row["state"])
    if told["deleted"]:
        if row["slots"] > 2000 and not row["tombstones"] + row["deleted"] and "grown" not in row["state"]:
            raise Wrong(f"{name}: nothing shows that entries were deleted: {row}")
    if told["premade"] and (row["tombstones"] + row["deleted"] or "grown" in row["state"]):
        raise Wrong(f"{name}: it was made so large at once: {row}")


def check(version, variant, folder):
    path = folder / f"maps-{version}-{variant}"
    truth.build_own(version, "maps", VARIANTS[variant], path)
    with Program(path) as program:
        maps = program.truth["maps"]
        rows = dump(program.pid, [m["address"] for m in maps])
    path.unlink()
    expect("maps seen", len(maps), len(rows))
    for told in maps:
        check_map(told, rows[told["address"]], minor(version) >= FIRST_SWISS)
    growing = sum(m["growing"] for m in maps)
    if minor(version) < FIRST_SWISS and growing < 5:
        raise Wrong(f"only {growing} maps were in growth")
    print(f"note {version} {variant}: {len(maps)} maps, {growing} in growth", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(truth.run_versions("maps", QUICK_VERSIONS, VARIANTS, check))
