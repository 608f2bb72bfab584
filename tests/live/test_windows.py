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
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import truth
from truth import Program, Wrong, expect, minor

FOLDER = Path(__file__).resolve().parent / "goprogs" / "windows"
BUILD = Path(os.environ.get("LEAKHOUND_BUILD", truth.ROOT / "build"))
QUICK_VERSIONS = ("1.15", "1.22", "1.27")
VARIANTS = {"normal": [], "stripped": ["-ldflags=-s -w"]}
COLUMNS = ("address", "bytes", "type", "kinds", "windows", "hidden", "beyond", "copies", "before", "between",
           "to_cap", "behind", "edges", "freed", "reachable")
NAMES = ("type", "kinds")
PIECES = 64  # of an object with more different windows than are kept exactly


def find_tool():
    for directory in (BUILD, BUILD / "tests"):
        path = directory / "test-tool-windows_dump"
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


def dump(tool, pid, threads):
    done = subprocess.run([tool, str(pid), "-", str(threads)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=truth.SECONDS_TO_INSPECT, check=False)
    if done.returncode:
        raise Wrong(done.stderr.strip()[-300:])
    return done.stdout


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


def check(tool, version, variant, folder):
    path = Path(folder) / f"windows-{version}-{variant}"
    build(version, variant, path)
    with Program(path) as program:
        text = dump(tool, program.pid, 2)
        if dump(tool, program.pid, 3) != text:
            raise Wrong("three threads find other things than two")
    path.unlink()
    objects, strings = read(text)
    for told in program.truth["arrays"]:
        check_array(told, objects.get(told["address"]))
    expect("sample", 1, strings[-1])
    if strings[1] < program.truth["texts"] or strings[2] < program.truth["equals"] or \
            strings[2] > program.truth["equals"] * 1.2:
        raise Wrong(f"of {program.truth['equals']} equal strings {strings[2]} were found")


def main():
    tool = find_tool()
    versions = sorted(sys.argv[1:] or truth.versions(), key=minor)
    if truth.QUICK:
        versions = [v for v in versions if v in QUICK_VERSIONS] or versions[-1:]
    if not tool or not versions:
        print("skip windows: no test-tool-windows_dump or no Go toolchain")
        return 0
    failed = False
    with tempfile.TemporaryDirectory(prefix="leakhound-windows-") as folder:
        for version in versions:
            for variant in VARIANTS:
                name = f"windows-{version}-{variant}"
                try:
                    check(tool, version, variant, folder)
                    print(f"ok {name}", flush=True)
                except (Wrong, OSError, ValueError, subprocess.SubprocessError) as problem:
                    failed = True
                    print(f"FAIL {name}: {str(problem)[:600]}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
