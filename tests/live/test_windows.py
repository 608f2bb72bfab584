#!/usr/bin/env python3
"""What strings and slices see of their arrays, against what the program that owns them knows, for
every Go version at hand, with and without symbols.

goprogs/windows keeps parts of texts, byte slices and arrays with pointers, and other arrays of which
something sees the whole. It tells where each stands, and what nobody sees of it; which strings are
equal it tells, too. With two and with three threads leakhound must say the same.

usage: test_windows.py [VERSION...]
Environment: LEAKHOUND_BUILD (directory of the test tools), LEAKHOUND_CACHE, LEAKHOUND_QUICK=1 (three
versions).
"""
import sys

import truth
from truth import Program, Wrong, expect

QUICK_VERSIONS = ("1.15", "1.22", "1.27")
VARIANTS = {"normal": [], "stripped": ["-ldflags=-s -w"]}
COLUMNS = ("address", "bytes", "type", "kinds", "windows", "hidden", "beyond", "copies", "before", "between",
           "to_cap", "behind", "edges", "freed", "reachable")
NAMES = ("type", "kinds")
PIECES = 64  # of an object with more different windows than are kept exactly


def read(text):
    """Objects by address, and the line about strings."""
    objects, strings = {}, None
    for line in text.splitlines():
        kind, *fields = line.split("\t")
        if kind == "strings":
            strings = [int(f) for f in fields]
            continue
        row = dict(zip(COLUMNS, fields))
        objects[row["address"]] = {k: v if k in NAMES + ("address",) else int(v) for k, v in row.items()}
    return objects, strings


def check_array(told, row):
    name = told["name"]
    if not told["listed"]:
        if row:
            raise Wrong(f"{name}: is seen in part: {row}")
        return
    if not row:
        raise Wrong(f"{name}: is not seen in part")
    for key in ("hidden", "beyond"):
        slack = 10 * row["bytes"] // PIECES if told["about"] else 0
        if not told[key] - slack <= row[key] <= told[key]:
            raise Wrong(f"{name}: {key}: expected {told[key]}, got {row[key]}")
    for key in ("before", "to_cap", "behind", "edges"):
        expect(f"{name}: {key}", told[key], row[key])
    expect(f"{name}: reachable", 1, row["reachable"])


def check(version, variant, folder):
    path = folder / f"windows-{version}-{variant}"
    truth.build_own(version, "windows", VARIANTS[variant], path)
    with Program(path) as program:
        text = truth.run_tool("windows_dump", program.pid, "-", 2)
        if truth.run_tool("windows_dump", program.pid, "-", 3) != text:
            raise Wrong("three threads find other things than two")
    path.unlink()
    objects, strings = read(text)
    for told in program.truth["arrays"]:
        check_array(told, objects.get(told["address"]))
    expect("sample", 1, strings[-1])
    if strings[1] < program.truth["texts"] or strings[2] < program.truth["equals"] or \
            strings[2] > program.truth["equals"] * 1.2:
        raise Wrong(f"of {program.truth['equals']} equal strings {strings[2]} were found")


if __name__ == "__main__":
    sys.exit(truth.run_versions("windows", QUICK_VERSIONS, VARIANTS, check, tool="windows_dump"))
