#!/usr/bin/env python3
"""Maps as leakhound reads them against what the program that owns them knows, for every Go version at
hand, with and without symbols.

goprogs/maps makes maps of many key and element types, small, grown, in growth, emptied, cleared and
refilled, and tells of each the length, a digest of its entries, and of some what the heap grew by.

usage: test_maps.py [VERSION...]
Environment: LEAKHOUND_BUILD (its tests/test-tool-maps_dump), LEAKHOUND_CACHE (its go/ has the
toolchains), LEAKHOUND_QUICK=1 (three versions only).
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import truth
from truth import Program, Wrong, expect, expect_near, minor

FOLDER = Path(__file__).resolve().parent / "goprogs" / "maps"
QUICK_VERSIONS = ("1.15", "1.23", "1.27")
VARIANTS = {"normal": [], "stripped": ["-ldflags=-s -w"]}
FIRST_SWISS = 24
HEADER_BYTES = 48
COLUMNS = ("address", "type", "count", "entries", "digest", "bytes", "anew", "slots", "tombstones", "deleted",
           "overflow", "cheap", "state")


def build(version, variant, path):
    environment = dict(os.environ, GO111MODULE="off", GOTOOLCHAIN="local", GOFLAGS="", CGO_ENABLED="0")
    done = subprocess.run([truth.CACHE / "go" / version / "bin" / "go", "build", "-o", path,
                           *VARIANTS[variant], "."], env=environment, cwd=FOLDER,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Wrong(f"does not build: {done.stdout.strip()[-300:]}")


def dump(pid, addresses):
    tool = Path(os.environ.get("LEAKHOUND_BUILD", truth.ROOT / "build/test/gcc")) / "tests/test-tool-maps_dump"
    done = subprocess.run([tool, str(pid), *addresses], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=300, check=False)
    if done.returncode:
        raise Wrong(done.stderr.strip()[-300:])
    seen = {}
    for line in done.stdout.splitlines():
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
    path = Path(folder) / f"maps-{version}-{variant}"
    build(version, variant, path)
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


def main():
    known = truth.versions()
    if truth.QUICK:
        known = [v for v in known if v in QUICK_VERSIONS] or known[-1:]
    versions = sorted(sys.argv[1:], key=minor) or known
    if not versions:
        print("skip maps: no Go toolchain at hand")
        return 0
    failed = False
    with tempfile.TemporaryDirectory(prefix="leakhound-maps-") as folder:
        for version in versions:
            for variant in VARIANTS:
                name = f"maps-{version}-{variant}"
                try:
                    check(version, variant, folder)
                    print("ok " + name, flush=True)
                except (Wrong, OSError, LookupError, ValueError, subprocess.SubprocessError) as problem:
                    failed = True
                    print(f"FAIL {name}: {str(problem)[:600]}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
