#!/usr/bin/env python3
"""Checks the order of rooms: a folder of src/ includes only itself and those before it.

usage: check_layers.py [ROOT]        check the source tree at ROOT (default: this one)
       check_layers.py --self-test   show on made-up trees that each rule can fail

The order is the numbered list of ARCHITECTURE.md, lines like "3. `binary/` ...". Further rules:
every folder of src/ is in that list, no file has more than LINES_MAX lines, every source includes a
header of its own room (so what others call is declared where they can read it), and every include
in quotes names its room. Prints `ok NAME` or `FAIL NAME: why` for each rule; exit status 1 when one
fails.
"""
import re
import sys
import tempfile
from pathlib import Path

LINES_MAX = 800
ROOM = re.compile(r"^\d+\.\s+`(\w+)/`", re.M)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)
SOURCES = (".c", ".h", ".inc")


def read_rooms(root):
    return ROOM.findall((root / "ARCHITECTURE.md").read_text(encoding="utf-8"))


def source_files(root):
    return sorted(p for p in (root / "src").rglob("*") if p.suffix in SOURCES and p.is_file())


def place(root, path):
    return path.relative_to(root).as_posix()


def check(root):
    """{rule: problems} for the tree at root."""
    rooms = read_rooms(root)
    problems = {"rooms": [], "order": [], "names": [], "headers": [], "length": []}
    if not rooms:
        problems["rooms"].append("ARCHITECTURE.md has no list of rooms")
    for folder in sorted(p.name for p in (root / "src").iterdir() if p.is_dir()):
        if folder not in rooms:
            problems["rooms"].append(f"src/{folder} is not in ARCHITECTURE.md")
    files = source_files(root)
    if not files:
        problems["rooms"].append("src/ has no sources")
    for path in files:
        check_file(root, path, rooms, problems)
    return problems


def check_file(root, path, rooms, problems):
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    if lines > LINES_MAX and path.suffix != ".inc":  # generated tables may be long
        problems["length"].append(f"{place(root, path)} has {lines} lines, at most {LINES_MAX} may be")
    room = path.relative_to(root / "src").parts[0]
    own_header = False
    for name in INCLUDE.findall(text):
        if not (root / "src" / name).is_file() or "/" not in name:
            problems["names"].append(f'{place(root, path)}: "{name}" is no room/file below src/')
            continue
        included = name.split("/")[0]
        own_header |= included == room and name.endswith(".h")
        if room in rooms and included in rooms and rooms.index(included) > rooms.index(room):
            problems["order"].append(f"{place(root, path)} includes {name}, but {included} comes after {room}")
    if path.suffix == ".c" and path.name != "main.c" and not own_header:
        problems["headers"].append(f"{place(root, path)} includes no header of its room")


def report(problems, prefix):
    for rule, found in problems.items():
        if found:
            print(f"FAIL {prefix}{rule}: " + "; ".join(found))
        else:
            print(f"ok {prefix}{rule}")
    return 1 if any(problems.values()) else 0


GOOD_TREE = {
    "ARCHITECTURE.md": "# Rooms\n1. `low/` bytes\n2. `high/` meaning\n",
    "src/low/a.h": "int a(void);\n",
    "src/low/a.c": '#include "low/a.h"\n',
    "src/high/b.h": '#include "low/a.h"\n',
    "src/high/b.c": '#include "high/b.h"\n#include <stdio.h>\n',
}
# What is changed in the good tree, and the only rule that must then fail.
BAD_CHANGES = {
    "order": {"src/low/a.c": '#include "low/a.h"\n  #  include "high/b.h"\n'},
    "rooms": {"src/attic/c.h": "int c(void);\n"},
    "names": {"src/high/b.c": '#include "high/b.h"\n#include "a.h"\n'},
    "headers": {"src/low/orphan.c": "int orphan;\n"},
    "length": {"src/low/long.h": "\n" * (LINES_MAX + 1)},
}


def failing_rules(files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return {rule for rule, found in check(Path(folder)).items() if found}


def self_test():
    cases = {"a good tree": (GOOD_TREE, set())}
    for rule, change in BAD_CHANGES.items():
        cases[f"a tree with bad {rule}"] = ({**GOOD_TREE, **change}, {rule})
    cases["an empty list"] = ({**GOOD_TREE, "ARCHITECTURE.md": "nothing\n"}, {"rooms"})
    wrong = {}
    for name, (files, expected) in cases.items():
        found = failing_rules(files)
        wrong[name] = [] if found == expected else [f"fails {sorted(found)}, not {sorted(expected)}"]
    return report(wrong, "layers/self-test on ")


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    return report(check(root), "layers/")


if __name__ == "__main__":
    sys.exit(main())
