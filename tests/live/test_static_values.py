#!/usr/bin/env python3
"""What package variables lead to when neither symbols nor descriptors say it, for every Go version
at hand.

goprogs/static_values fills stores behind pointers, slices, arrays and interfaces, each with a known
number of items. The report must name the variable that holds each of them, the bytes behind it, and
the way there as Go writes it.

usage: test_static_values.py [VERSION...]
Environment: LEAKHOUND (the binary), LEAKHOUND_CACHE (its go/ has the toolchains), LEAKHOUND_QUICK=1
(three versions only).
"""
import sys

import truth
from truth import Program, Wrong, expect, expect_near, inspect

QUICK_VERSIONS = ("1.15", "1.22", "1.27")
VARIANTS = {"normal": [], "pie": ["-buildmode=pie"]}
ITEM_BYTES = 4096 + 48 + 8  # data, item, key; the map's own bytes are within 10 % of the whole
# Variable: its type, items behind it, the step from it.
HOLDERS = {
    "main.plain": ("*main.plainStore", 100, ".items"),
    "main.chain": ("*main.outerStore", 120, ".inner.items"),
    "main.list": ("[]main.listStore", 140, "[1].items"),
    "main.pointers": ("[]*main.pointed", 160, "[1].items"),
    "main.array": ("[3]*main.arrayStore", 180, "[2].items"),
    "main.value": ("main.valueStore", 200, ".byKey.items"),
    "main.part": ("*main.partStore", 220, ".items"),
    "main.face": ("main.keeper", 240, ".items"),
    "main.anything": ("interface {}", 260, ".items"),
    "main.beside": ("main.neighbour", 580, ".second.items"),
}
MAP = "map[string]*main.item"


def check(version, variant, folder):
    path = folder / f"static-{version}-{variant}"
    truth.build_own(version, "static_values", VARIANTS[variant], path)
    with Program(path) as program:
        report = inspect(program.pid)
    path.unlink()
    holders = {h["name"]: h for h in report["holders"]}
    for name, (kind, items, step) in HOLDERS.items():
        if name not in holders:
            raise Wrong(f"{name} is no holder")
        holder = holders[name]
        expect(f"kind of {name}", "global", holder["kind"])
        expect(f"type of {name}", kind, holder["type"])
        expect_near(f"bytes of {name}", items * ITEM_BYTES, holder["retained_bytes"], 0.1)
        way = [(s["name"], s["type"]) for s in holder["path"][1:2]]
        expect(f"path from {name}", [(step, MAP)], way)
    expect("type of *main.plain's items", len(HOLDERS) + 1,
           sum(t["count"] for t in report["types"] if t["name"] == MAP))
    expect("items", sum(items for _, items, _ in HOLDERS.values()),
           sum(t["count"] for t in report["types"] if t["name"] == "main.item"))


if __name__ == "__main__":
    sys.exit(truth.run_versions("static-values", QUICK_VERSIONS, VARIANTS, check))
