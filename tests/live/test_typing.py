#!/usr/bin/env python3
"""Types without symbols and DWARF against types with them, object by object, for every Go version at
hand.

Programs of the zoo are built as usual. test-tool-typing_dump types every object of the process twice:
with all that the executable tells, and as if it were stripped. Compared:

  objects    no object has another type when stripped
  share      nearly as many bytes have a type that is no guess
  variables  global variables to which the code gives a type have that type in DWARF

usage: test_typing.py [VERSION...]
Environment: LEAKHOUND_BUILD (directory of the test tools), LEAKHOUND_CACHE, LEAKHOUND_QUICK=1 (two
versions, two programs).
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import truth
from truth import Program, Wrong, minor

BUILD = Path(os.environ.get("LEAKHOUND_BUILD", truth.ROOT / "build"))
QUICK_VERSIONS, QUICK_PROGRAMS = ("1.15", "1.27"), ("webservice", "many-types")
PROGRAMS = {
    "webservice": ("-load", "-seconds", "1"),
    "many-types": ("-scale", "0.2"),
    "holder-tree": ("-scale", "0.2"),
    "holder-container-list": ("-scale", "0.2"),
    "holder-sync-map": ("-scale", "0.2"),
    "holder-closure": ("-scale", "0.2"),
    "holder-goroutine-stack": ("-scale", "0.2"),
}
LOST_SHARE = 30  # thousandths of the bytes that may lose their type
# Types of variables whose words say more or less of what they hold: one-way channels; structures
# around one pointer; structures without a name, which DWARF writes in another way.
OPAQUE = re.compile(r"unsafe\.Pointer|^(sync/)?atomic\.Pointer\[|^chan<-|^<-chan|struct \{"
                    r"|pointLike$|elliptic\.p256Curve$")


def find_tool():
    for directory in (BUILD, BUILD / "tests"):
        path = directory / "test-tool-typing_dump"
        if os.access(path, os.X_OK):
            return path
    return None


def plain(name):
    """Descriptors name a type by its package, DWARF by the package's whole path; an array that was
    made for a slice is either."""
    return re.sub(r"[\w.\-]+/", "", re.sub(r"^\[\d+\]", "[]", name))


def same(with_symbols, without):
    rings = ("sync.Pool ring", "[]sync.eface")  # the ring's array, by its use and by its type
    return plain(with_symbols) == plain(without) or (with_symbols in rings and without in rings)


def check(tool, version, program, folder):
    path = truth.build(version, "normal", program, Path(folder) / f"{program}-{version}")
    with Program(path, *PROGRAMS[program], folder=folder) as running:
        done = subprocess.run([tool, str(running.pid)], stdout=subprocess.PIPE, text=True, check=True,
                              timeout=truth.SECONDS_TO_INSPECT)
    path.unlink()
    shares = None
    for kind, *fields in (line.split("\t") for line in done.stdout.splitlines()):
        if kind == "share":
            shares = int(fields[0]), int(fields[1])
        elif kind == "wrong" and not same(fields[2], fields[3]):
            count, _, expected, found, address = fields
            raise Wrong(f"{count} of type {expected} become {found}, the first at {address}")
        elif kind == "variable" and not same(fields[1], fields[2]) and not OPAQUE.search(fields[1]):
            raise Wrong(f"{fields[0]} is {fields[1]}, not {fields[2]}")
    if not shares or shares[1] < shares[0] - LOST_SHARE:
        raise Wrong(f"{shares} thousandths of the bytes have types, with and without symbols")


def main():
    tool = find_tool()
    versions = sorted(sys.argv[1:] or truth.versions(), key=minor)
    if truth.QUICK:
        versions = [v for v in versions if v in QUICK_VERSIONS] or versions[-1:]
    if not tool or not versions:
        print("skip typing: no test-tool-typing_dump or no Go toolchain")
        return 0
    failed = False
    with tempfile.TemporaryDirectory(prefix="leakhound-typing-") as folder:
        for version in versions:
            for program in QUICK_PROGRAMS if truth.QUICK else PROGRAMS:
                name = f"typing-{version}-{program}"
                try:
                    check(tool, version, program, folder)
                    print(f"ok {name}", flush=True)
                except (Wrong, OSError, ValueError, subprocess.SubprocessError) as problem:
                    failed = True
                    print(f"FAIL {name}: {str(problem)[:600]}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
