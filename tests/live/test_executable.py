#!/usr/bin/env python3
"""binary/executable against readelf, nm and the programs themselves, for every Go version at hand.

Builds executable_oracle with each version (normal, PIE, without DWARF, stripped), runs
test-tool-executable_dump on the file and compares: headers, build id, sections and data symbols with
readelf, variables and the words of them that lead to other memory with what the program says about
its own, run-time types with the descriptors in the file. Then files that must be refused or read with less: section headers gone, other
architectures, no ELF at all.

usage: test_executable.py [VERSION...]
Environment: LEAKHOUND_BUILD (directory of the test tools), LEAKHOUND_CACHE (its go/ has the
toolchains), LEAKHOUND_QUICK (three versions only).
"""
import os
import re
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("LEAKHOUND_BUILD", os.path.join(HERE, "..", "..", "build"))
CACHE = os.environ.get("LEAKHOUND_CACHE", os.path.expanduser("~/.cache/leakhound"))
TOOLCHAINS = os.path.join(CACHE, "go")
QUICK_VERSIONS = ("1.15", "1.21", "1.27")
BUILD_ID = "0123456789abcdef0123456789abcdef01234567"
SECTIONS = (".text", ".rodata", ".data", ".bss", ".noptrbss", ".gopclntab", ".data.rel.ro")
VARIANTS = {
    "normal": ["-ldflags=-B 0x" + BUILD_ID],
    "pie": ["-buildmode=pie"],
    "no-dwarf": ["-ldflags=-w"],
    "stripped": ["-ldflags=-s -w"],
}
ERROR_FORMAT, ERROR_UNSUPPORTED = "2", "3"
SLOTS_MAX = 4096
POINTER, MAP = 22, 21


def find_tool():
    for directory in (BUILD, os.path.join(BUILD, "tests")):
        path = os.path.join(directory, "test-tool-executable_dump")
        if os.access(path, os.X_OK):
            return path
    return None


def go(version):
    return os.path.join(TOOLCHAINS, version, "bin", "go")


def minor(version):
    return int(version.split(".")[1])


def output(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, universal_newlines=True,
                          **options).stdout


def build(version, options, path, **more):
    environment = dict(os.environ, GO111MODULE="off", GOTOOLCHAIN="local", GOFLAGS="", CGO_ENABLED="0",
                       **more)
    subprocess.run([go(version), "build", "-o", path, *options, "."], env=environment, check=True,
                   cwd=os.path.join(HERE, "executable_oracle"), stdout=subprocess.PIPE,
                   stderr=subprocess.STDOUT)


class Dump:
    """The tool's answer, by its letters."""

    def __init__(self, tool, path):
        done = subprocess.run([tool, path, *SECTIONS], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True)
        self.status = done.returncode
        self.lines = done.stdout.splitlines()

    def all(self, letter):
        return [line[2:] for line in self.lines if line.startswith(letter + " ")]

    def one(self, letter):
        return (self.all(letter) or [""])[0]


def check_headers(dump, path, variant):
    problems = []
    loads = [int(m, 16) for m in re.findall(r"^\s+LOAD\s+0x\S+ 0x(\S+)", output("readelf", "-lW", path), re.M)]
    expected = (f"pie={int(variant == 'pie')} stripped={int(variant == 'stripped')}"
                f" dwarf={int(variant in ('normal', 'pie'))} first={min(loads) & ~4095:x}")
    if dump.one("H") != expected:
        problems.append(f"{dump.one('H')} instead of {expected}")
    notes = re.search(r"Build ID: (\S+)", output("readelf", "-nW", path))
    if dump.one("B") != (notes.group(1) if notes else ""):
        problems.append(f"build id {dump.one('B')}")
    if variant == "normal" and dump.one("B") != BUILD_ID:
        problems.append("not the build id that was asked for")
    table = {}
    for m in re.finditer(r"^\s+\[ *(\d+)\] (\S+) +\S+ +([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+) \S+ +(\S*)",
                         output("readelf", "-SW", path), re.M):
        table[m.group(1)] = (m.group(2), int(m.group(3), 16), int(m.group(4), 16), m.group(5))
    known = {name: (address, size) for name, address, size, _ in table.values()}
    ours = {}
    for line in dump.all("S"):
        name, address, size = line.split()
        ours[name] = (int(address, 16), int(size, 16))
    if ours != {name: known[name] for name in SECTIONS if name in known}:
        problems.append(f"sections {ours}")
    return problems, table


def linkers_own(name):
    return re.match(r"go:|type:|type\.|go\.(string\.|func\.|itab|typelink|buildid|buildinfo)", name)


def check_symbols(dump, path, table):
    problems, known = [], []
    for line in output("readelf", "-sW", path).splitlines():
        m = re.match(r"\s+\d+: ([0-9a-f]+)\s+(\w+) (OBJECT|NOTYPE) +\S+ +\S+ +(\d+) (.+)$", line)
        if m and "W" in table[m.group(4)][3] and not linkers_own(m.group(5)):
            known.append((int(m.group(1), 16), int(m.group(2), 0), m.group(5).strip()))
    ours = []
    for line in dump.all("D"):
        address, size, found, name = line.split(" ", 3)
        ours.append((int(address, 16), int(size, 16), name))
        if found != "1":
            problems.append(f"{name} is not found at its own address")
    if sorted(known) != sorted(ours):
        problems.append(f"symbols: {sorted(set(known) ^ set(ours))[:5]}")
    if [s[:2] for s in ours] != sorted(s[:2] for s in ours):
        problems.append("symbols are not sorted")
    if known and len(known) < 300:
        problems.append(f"only {len(known)} symbols")
    return problems


def check_variables(dump, path, variant):
    variables, problems = {}, []
    for line in dump.all("V"):
        left, kind = line.split("\t", 1)
        address, size, runtime_type, name = left.split(" ", 3)
        variables[name] = (int(address, 16), int(size, 16), int(runtime_type, 16), kind)
    if variant not in ("normal", "pie"):
        return ["variables without DWARF"] if variables else []
    symbols = {}
    for line in dump.all("D"):
        address, size, _, name = line.split(" ", 3)
        symbols[name] = (int(address, 16), int(size, 16))
    told = output(path).splitlines()
    truth = [line for line in told if not line.startswith("slot ")]
    bias = 0
    if variant == "pie":
        linked = re.search(r"^([0-9a-f]+) . main\.main$", output("nm", path), re.M)
        bias = int(truth[-1].split()[1], 16) - int(linked.group(1), 16)
    for line in truth[:-1]:
        name, address, size, kind = line.split(" ", 3)
        ours = variables.get("main." + name)
        # DWARF spells out the empty interface's and struct's members as the compiler does.
        if not ours or ours[:2] != (int(address, 16) - bias, int(size, 16)):
            problems.append(f"main.{name}: {ours} instead of {line}")
        elif plain_type(ours[3]) != plain_type(kind):
            problems.append(f"main.{name}: type {ours[3]} instead of {kind}")
    described, sizes = 0, Image(path)
    problems += check_slots(dump, [line[5:] for line in told if line.startswith("slot ")], sizes)
    for name, (address, size, runtime_type, kind) in variables.items():
        if symbols.get(name, (address,))[0] != address:
            problems.append(f"{name} at {address:x}, its symbol at {symbols[name][0]:x}")
        if runtime_type:
            described += 1
            if sizes.word(runtime_type) != size:
                problems.append(f"{name}: no descriptor of {size} bytes at {runtime_type:x}")
    if len(variables) < 200 or described < 50:
        problems.append(f"only {len(variables)} variables, {described} with a run-time type")
    return problems


def parse_slot(text):
    """Offset, kind, has_methods, size and type, path of a slot; its descriptor."""
    left, kind = text.split("\t")
    offset, number, methods, descriptor, size, path = left.split(" ", 5)
    return (int(offset, 16), int(number), int(methods), int(size, 16), plain_type(kind), path), \
        int(descriptor, 16)


def plain_type(name):
    return re.sub(r"main\.|[ ;]", "", name)


def check_slots(dump, truth, image):
    ours, behind, problems, without = {}, {}, [], 0
    for line in dump.lines:
        if line.startswith("V "):
            name = line.split("\t")[0].split(" ", 4)[4]
        elif line[:2] in ("L ", "T "):
            slot, descriptor = parse_slot(line[2:])
            (ours if line[0] == "L" else behind).setdefault(name, []).append(slot)
            if descriptor and image.word(descriptor) != slot[3]:
                problems.append(f"slot {slot} of {name}: no descriptor at {descriptor:x}")
            if name.startswith("main.") and name != "main.hidden" and slot[4] and not descriptor:
                without += 1
    expected = {}
    for line in truth:
        name, rest = line.split(" ", 1)
        offset, number, methods, size, path = rest.split("\t")[0].split(" ", 4)
        slot, _ = parse_slot(f"{offset} {number} {methods} 0 {size} {path}\t" + rest.split("\t")[1])
        expected.setdefault("main." + name, []).append(slot)
    for name, slots in expected.items():
        found = ours.get(name, [])
        if found != slots[:SLOTS_MAX]:
            first = next((pair for pair in zip(found, slots) if pair[0] != pair[1]),
                         (len(found), len(slots)))
            problems.append(f"slots of {name}: {first[0]} instead of {first[1]}")
    if without:
        problems.append(f"{without} slots lead to types without descriptor, although all are used")
    if ours.get("main.hidden") != [(0, POINTER, 0, 24, "secret", "")] or behind.get("main.hidden") != \
            [(8, MAP, 0, 8, "map[string]*session", ".byKey"), (16, POINTER, 0, 24, "secret", ".next")]:
        problems.append(f"main.hidden leads to {ours.get('main.hidden')}, {behind.get('main.hidden')}")
    return problems


class Image:
    """The file's bytes by address."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = file.read()
        start, size, count = struct.unpack_from("<Q", self.bytes, 32)[0], 56, \
            struct.unpack_from("<H", self.bytes, 56)[0]
        self.loads = []
        for i in range(count):
            kind, _, offset, address, _, filesz = struct.unpack_from("<IIQQQQ", self.bytes, start + i * size)
            if kind == 1:
                self.loads.append((address, filesz, offset))

    def word(self, address):
        for start, size, offset in self.loads:
            if start <= address <= start + size - 8:
                return struct.unpack_from("<Q", self.bytes, offset + address - start)[0]
        return None


def check_poor_files(tool, path, directory):
    """Files that are read with less, and files that are refused."""
    with open(path, "rb") as file:
        good = file.read()

    def dump_of(content):
        changed = os.path.join(directory, "changed")
        with open(changed, "wb") as file:
            file.write(content)
        return Dump(tool, changed)

    problems = []
    headers = bytearray(good)
    headers[40:48] = bytes(8)
    headers[60:64] = bytes(4)
    section_headers = struct.unpack_from("<Q", good, 40)[0]
    zeroed = bytearray(good)
    zeroed[section_headers:section_headers + 64 * struct.unpack_from("<H", good, 60)[0]] = \
        bytes(64 * struct.unpack_from("<H", good, 60)[0])
    for name, content in (("no section headers", headers), ("zeroed section headers", zeroed)):
        dump = dump_of(bytes(content))
        if dump.status or "stripped=1 dwarf=0" not in dump.one("H") or dump.all("S") or dump.all("D"):
            problems.append(f"{name}: {dump.lines[:2]}")
    for name, content, kind in (("text", b"#!/bin/sh\n", ERROR_FORMAT), ("empty", b"", ERROR_FORMAT),
                                ("cut off", good[:100], ERROR_FORMAT)):
        dump = dump_of(content)
        if dump.status != 1 or not dump.one("E").startswith(kind):
            problems.append(f"{name}: {dump.lines[:2]}")
    return problems


def check_other_machines(tool, version, directory):
    problems = []
    for machine in ("386", "arm64"):
        path = os.path.join(directory, "foreign")
        # Only the header matters, so the smallest package will do: no library for the machine.
        build(version, [], path, GOARCH=machine)
        dump = Dump(tool, path)
        if dump.status != 1 or not dump.one("E").startswith(ERROR_UNSUPPORTED):
            problems.append(f"{machine}: {dump.lines[:2]}")
    return problems


def report(name, work):
    try:
        problems = work()
    except subprocess.CalledProcessError as error:
        problems = [error.output or str(error)]
    except (OSError, ValueError, IndexError, KeyError, struct.error) as error:
        problems = [repr(error)]
    if problems:
        print(f"FAIL {name}: {len(problems)} differences, first: " +
              "; ".join(p.replace("\n", " ") for p in problems[:3]), flush=True)
    else:
        print("ok " + name, flush=True)
    return bool(problems)


def compare(tool, version, variant, directory):
    path = os.path.join(directory, "oracle-" + variant)
    build(version, VARIANTS[variant], path)
    dump = Dump(tool, path)
    if dump.status:
        return dump.lines
    problems, table = check_headers(dump, path, variant)
    return problems + check_symbols(dump, path, table) + check_variables(dump, path, variant)


def main():
    tool = find_tool()
    if not tool:
        print("FAIL executable: no test-tool-executable_dump in " + BUILD)
        return 1
    known = sorted((v for v in os.listdir(TOOLCHAINS) if re.fullmatch(r"1\.\d+", v)), key=minor) \
        if os.path.isdir(TOOLCHAINS) else []
    if os.environ.get("LEAKHOUND_QUICK"):
        known = [v for v in known if v in QUICK_VERSIONS] or known[-1:]
    versions = [v for v in (sys.argv[1:] or known) if os.access(go(v), os.X_OK)]
    if not versions:
        print("skip executable: no Go toolchain in " + TOOLCHAINS)
        return 0
    failed = False
    with tempfile.TemporaryDirectory(prefix="leakhound-executable-") as directory:
        for version in versions:
            for variant in VARIANTS:
                failed |= report(f"executable-{version}-{variant}",
                                 lambda: compare(tool, version, variant, directory))
            failed |= report(f"executable-{version}-poor-files", lambda: check_poor_files(
                tool, os.path.join(directory, "oracle-normal"), directory))
        failed |= report("executable-other-machines",
                         lambda: check_other_machines(tool, versions[-1], directory))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
