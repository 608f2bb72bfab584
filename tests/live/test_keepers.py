#!/usr/bin/env python3
"""What leakhound keeps of maps, contexts and channels against what their program knows, for every Go
version at hand, with and without symbols.

goprogs/keepers deletes keys of sync.Maps in every way that leaves them behind or does not, leaves
contexts uncancelled and fills channels.

usage: test_keepers.py [VERSION...]
Environment: LEAKHOUND_BUILD (its tests/test-tool-facts_dump), LEAKHOUND_CACHE (its go/ has the
toolchains), LEAKHOUND_QUICK=1 (three versions only).
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import truth
from truth import Program, Wrong, expect, minor

FOLDER = Path(__file__).resolve().parent / "goprogs" / "keepers"
QUICK_VERSIONS = ("1.15", "1.23", "1.27")
VARIANTS = {"normal": [], "stripped": ["-ldflags=-s -w"]}
FIRST_WITHOUT_STALE_KEYS = 24


def build(version, variant, path):
    environment = dict(os.environ, GO111MODULE="off", GOTOOLCHAIN="local", GOFLAGS="", CGO_ENABLED="0")
    done = subprocess.run([truth.CACHE / "go" / version / "bin" / "go", "build", "-o", path,
                           *VARIANTS[variant], "."], env=environment, cwd=FOLDER,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Wrong(f"does not build: {done.stdout.strip()[-300:]}")


def dump(pid):
    tool = Path(os.environ.get("LEAKHOUND_BUILD", truth.ROOT / "build/test/gcc")) / "tests/test-tool-facts_dump"
    done = subprocess.run([tool, str(pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=300, check=False)
    if done.returncode:
        raise Wrong(done.stderr.strip()[-300:])
    return [line.split("\t") for line in done.stdout.splitlines()]


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


def check(version, variant, folder):
    path = Path(folder) / f"keepers-{version}-{variant}"
    build(version, variant, path)
    with Program(path) as program:
        rows = dump(program.pid)
    path.unlink()
    check_stale(program, rows, version, variant)
    children = [(r[2], int(r[4])) for r in rows if r[0] == "children"]
    expect("children", [("map[context.canceler]struct {}", program.truth["children"]["server"])], children)
    channels = {r[2]: tuple(map(int, r[3:])) for r in rows if r[0] == "channel"}
    queued = program.truth["queued"]
    # 50 of the jobs have no connection, and a name in static data
    expect("channels", {"main.job": (queued["backlog"], 1000, 0, 0, 2 * queued["backlog"] - 100),
                        "*main.connection": (queued["waited"], 64, 7, 0, queued["waited"])}, channels)
    maps = [r for r in rows if r[0] == "maps"]
    expect("broken maps", ["0"], [r[2] for r in maps])


def main():
    known = truth.versions()
    if truth.QUICK:
        known = [v for v in known if v in QUICK_VERSIONS] or known[-1:]
    versions = sorted(sys.argv[1:], key=minor) or known
    if not versions:
        print("skip keepers: no Go toolchain at hand")
        return 0
    failed = False
    with tempfile.TemporaryDirectory(prefix="leakhound-keepers-") as folder:
        for version in versions:
            for variant in VARIANTS:
                name = f"keepers-{version}-{variant}"
                try:
                    check(version, variant, folder)
                    print("ok " + name, flush=True)
                except (Wrong, OSError, LookupError, ValueError, subprocess.SubprocessError) as problem:
                    failed = True
                    print(f"FAIL {name}: {str(problem)[:600]}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
