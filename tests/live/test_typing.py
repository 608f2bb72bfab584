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
import re
import sys

import truth
from truth import Program, Wrong

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


def plain(name):
    """Descriptors name a type by its package, DWARF by the package's whole path; an array that was
    made for a slice is either."""
    return re.sub(r"[\w.\-]+/", "", re.sub(r"^\[\d+\]", "[]", name))


def same(with_symbols, without):
    rings = ("sync.Pool ring", "[]sync.eface")  # the ring's array, by its use and by its type
    return plain(with_symbols) == plain(without) or (with_symbols in rings and without in rings)


def check(version, program, folder):
    path = truth.build(version, "normal", program, folder / f"{program}-{version}")
    with Program(path, *PROGRAMS[program], folder=folder) as running:
        printed = truth.run_tool("typing_dump", running.pid)
    path.unlink()
    shares = None
    for kind, *fields in (line.split("\t") for line in printed.splitlines()):
        if kind == "share":
            shares = int(fields[0]), int(fields[1])
        elif kind == "wrong" and not same(fields[2], fields[3]):
            count, _, expected, found, address = fields
            raise Wrong(f"{count} of type {expected} become {found}, the first at {address}")
        elif kind == "variable" and not same(fields[1], fields[2]) and not OPAQUE.search(fields[1]):
            raise Wrong(f"{fields[0]} is {fields[1]}, not {fields[2]}")
    if not shares or shares[1] < shares[0] - LOST_SHARE:
        raise Wrong(f"{shares} thousandths of the bytes have types, with and without symbols")


if __name__ == "__main__":
    programs = QUICK_PROGRAMS if truth.QUICK else PROGRAMS
    sys.exit(truth.run_versions("typing", QUICK_VERSIONS, programs, check, tool="typing_dump"))
