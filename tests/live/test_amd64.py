#!/usr/bin/env python3
"""Every instruction of Go programs as leakhound decodes it, against objdump.

For every Go version at hand the code of the web service is decoded by test-tool-amd64_dump and by
objdump (binutils). Compared: where each instruction begins, where calls, jumps and branches lead, and
which addresses are referred to.

usage: test_amd64.py [VERSION...]
Environment: LEAKHOUND_BUILD (directory of the test tools), LEAKHOUND_CACHE, LEAKHOUND_QUICK=1 (two
versions only).
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import truth
from truth import Wrong, minor

BUILD = Path(os.environ.get("LEAKHOUND_BUILD", truth.ROOT / "build"))
QUICK_VERSIONS = ("1.15", "1.27")
LINE = re.compile(r"^\s*([0-9a-f]+):\s+(?:(?:addr32|data16|repz|repnz|rex\S*|lock|cs|ds) )*(\S+)\s*([^<#]*)"
                  r"(?:.*# ([0-9a-f]+))?")
HEADER = re.compile(r"^([0-9a-f]+) <.*>:$")
DIRECT = re.compile(r"^(?:call|jmp|j[a-z]+|loop\S*)$")


def find_tool():
    for directory in (BUILD, BUILD / "tests"):
        path = directory / "test-tool-amd64_dump"
        if os.access(path, os.X_OK):
            return path
    return None


def of_objdump(path):
    """The functions in order: their start, and by address where an instruction leads and what it
    refers to (None when nothing); or None for a function that holds data."""
    functions = []
    with subprocess.Popen(["objdump", "-d", "-j", ".text", "--no-show-raw-insn", path],
                          stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            header = HEADER.match(line)
            if header:
                functions.append([int(header.group(1), 16), {}])
            match = LINE.match(line)
            if not match or header:
                continue
            address, name, operands, reference = match.groups()
            if name == "(bad)":
                functions[-1][1] = None
            if functions[-1][1] is None:
                continue
            target = None
            if DIRECT.match(name.split(",")[0]) and re.match(r"^[0-9a-f]+\s*$", operands):
                target = int(operands, 16)
            functions[-1][1][int(address, 16)] = (target, int(reference, 16) if reference else None)
    if process.returncode:
        raise Wrong("objdump fails")
    return functions


def of_leakhound(tool, path):
    """By address: the words of its line behind the address."""
    done = subprocess.run([tool, path], stdout=subprocess.PIPE, text=True, check=True)
    return {int(words[0], 16): words[1:] for words in map(str.split, done.stdout.splitlines())}


def compare(tool, path):
    ours = of_leakhound(tool, path)
    count = skipped = 0
    functions = of_objdump(path)
    for start, instructions in functions:
        if instructions is None or start not in ours:  # data, or behind some
            skipped += 1
            continue
        for address, (target, reference) in instructions.items():
            if address not in ours or ours[address][0] == "0":
                raise Wrong(f"no instruction at {address:x}")
            words = dict(zip(ours[address][1::2], ours[address][2::2]))
            if target is not None and target != int(words.get("to", "0"), 16):
                raise Wrong(f"{address:x} leads to {target:x}, not {words.get('to')}")
            if reference is not None and reference != int(words.get("at", "0"), 16):
                raise Wrong(f"{address:x} refers to {reference:x}, not {words.get('at')}")
            count += 1
    if count < 100000 or skipped > 10:
        raise Wrong(f"{count} instructions compared, {skipped} functions skipped")


def main():
    tool = find_tool()
    versions = sys.argv[1:] or truth.versions()
    if truth.QUICK:
        versions = [v for v in versions if v in QUICK_VERSIONS] or versions[-1:]
    if not tool or not shutil.which("objdump") or not versions:
        print("skip amd64: no test-tool-amd64_dump, no objdump or no Go toolchain")
        return 0
    failed = False
    with tempfile.TemporaryDirectory(prefix="leakhound-amd64-") as folder:
        for version in sorted(versions, key=minor):
            path = Path(folder) / version
            try:
                compare(tool, truth.build(version, "normal", "webservice", path))
                print(f"ok amd64-{version}", flush=True)
            except (Wrong, OSError, ValueError, subprocess.SubprocessError) as problem:
                failed = True
                print(f"FAIL amd64-{version}: {str(problem)[:600]}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
