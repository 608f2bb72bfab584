#!/usr/bin/env python3
"""leakhound against the programs of the zoo, which know the truth about their own memory.

For every Go version at hand and every way of building (zoo-build's modes) programs are started, come
to rest and are inspected. Compared with what they tell:

  books      bytes of spans in use, live and garbage bytes, number of objects and goroutines, stacks:
             as runtime.ReadMemStats says; held alone + shared + garbage = all objects
  idle       bytes of idle spans, and those given back to the system, likewise
  holder     the holder of the program's data is the first, with its kind, its bytes within 1 %, and
             its name or, without symbols, a function of the program that uses it, and its type
  shared     of two-holders: what both hold together, and what each holds alone
  types      how many objects there are of each type that the program counts; no wrong types
  typed      of webservice without symbols: the share of live bytes with a type that is no guess
  cores      gcore's and the kernel's core files, with and without --exe, tell what the process did
  busy       a program that never rests is inspected again and again and takes no harm

usage: test_zoo.py [--only VERSION[,VERSION...]] [--match TEXT] [--table FILE]
  --table FILE   also write the results as a table in Markdown
Environment: LEAKHOUND (the binary), LEAKHOUND_CACHE (its go/ has the toolchains, its zoo/ keeps what
was built), LEAKHOUND_QUICK=1 (a tenth of it: some of every kind).
"""
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import truth
from truth import Program, Skip, Wrong, expect, expect_near, inspect, minor

MODES = ("normal", "stripped", "pie")
CORE_VERSIONS, CORE_MODES = ("1.15", "1.22", "1.27"), ("normal", "pie")
CORE_PROGRAMS = ("many-types", "holder-global-map")
QUICK_VERSIONS = ("1.15", "1.21", "1.27")
BUSY_VERSIONS = ("1.15", "1.19", "1.22", "1.24", "1.27")
SCALE = 0.2  # some 10 MiB behind the holder
WEBSERVICE = ("-load", "-seconds", "1.5")
BUSY, BUSY_INSPECTIONS = ("-heap", "24"), 10
RUNTIME_MOVES = 128 << 10  # bytes of the runtime's own structures, a few threads' worth
TYPED_SHARE, TYPED_SHARE_BEFORE_1_22 = 0.85, 0.60
# What a report or a program that is not as expected makes of a check.
MISHAPS = (OSError, ValueError, LookupError, TypeError, subprocess.SubprocessError)


class Job:
    """One program, built with one version in one mode, and what is checked with it."""

    def __init__(self, version, mode, program, checks):
        self.version, self.mode, self.program, self.checks = version, mode, program, checks
        self.name = f"zoo/{version}/{mode}/{program}"
        self.path = self.folder = None
        self.typed_share = None  # webservice only

    def run(self, folder):
        """A list of (check, None or what is wrong or a Skip). Only the counts of types, which depend on where
        a program's memory lies, get a second run when nothing else is wrong; a note tells."""
        first = self.run_once(folder)
        wrong = [(check, problem) for check, problem in first if isinstance(problem, str)]
        if [check for check, _ in wrong] != [types.__name__]:
            return first
        print(f"note {self.name}/types: wrong in the first run: {wrong[0][1][:300]}")
        return self.run_once(folder)

    def run_once(self, folder):
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        self.path = self.folder / self.program
        try:
            truth.build(self.version, self.mode, self.program, self.path)
            return list(self.results())
        except (Wrong, *MISHAPS) as problem:
            return [("run", describe(problem))]
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def results(self):
        arguments = {"webservice": WEBSERVICE, "busy": BUSY}.get(self.program, ("-scale", SCALE))
        with Program(self.path, *arguments, folder=self.folder,
                     environment={"GOTRACEBACK": "crash"}) as program:
            told, report = (None, None) if self.program == "busy" else at_rest(program)
            for check in self.checks:
                try:
                    check(self, told, report, program)
                    yield check.__name__, None
                except Skip as reason:
                    yield check.__name__, reason
                except (Wrong, *MISHAPS) as problem:
                    yield check.__name__, describe(problem)


def describe(problem):
    return str(problem) if isinstance(problem, Wrong) else repr(problem)


def at_rest(program):
    """What a program and leakhound say of the same state: nothing was allocated in between."""
    for _ in range(20):
        before = program.ask()
        time.sleep(0.01)  # until who answered waits again
        report = inspect(program.pid)
        after = program.ask()
        if not program.runs():
            raise Wrong("the program does not run on")
        keys = ("mallocs", "frees", "heap_inuse", "num_goroutine", "num_gc", "heap_idle", "heap_released")
        if all(before[key] == after[key] for key in keys):
            return after, report
        time.sleep(0.05)
    raise Wrong("the program does not come to rest")


def books(job, told, report, _):
    memory, counts = report["memory"], report["counts"]
    expect("heap_inuse_bytes", told["heap_inuse"], memory["heap_inuse_bytes"])
    expect("heap_objects_bytes", told["heap_alloc"], memory["heap_objects_bytes"])
    expect("live + garbage", memory["heap_objects_bytes"],
           memory["heap_live_bytes"] + memory["heap_garbage_bytes"])
    expect("held alone + shared + garbage", memory["heap_objects_bytes"],
           memory["held_alone_bytes"] + memory["shared_bytes"] + memory["heap_garbage_bytes"])
    # A root or a pointer that is missed shows here: the program collected all garbage before.
    expect_near("heap_live_bytes", told["heap_alloc"], memory["heap_live_bytes"], 0.005)
    expect("objects", told["heap_objects"], counts["objects"])
    expect("goroutines", told["num_goroutine"], counts["goroutines"])
    if minor(job.version) > 15 or memory["stacks_bytes"] < told["stack_inuse"]:
        expect("stacks_bytes", told["stack_inuse"], memory["stacks_bytes"])
    else:  # the collector's work buffers look like stacks, and are not always freed by then
        expect_near("stacks_bytes", told["stack_inuse"], memory["stacks_bytes"], 0.5)
    if report["target"]["gc_running"]:
        raise Wrong("gc_running, while the program is at rest")


def idle(_, told, report, __):
    memory = report["memory"]
    expect("heap_idle_bytes", told["heap_idle"], memory["heap_idle_bytes"])
    expect("heap_released_bytes", told["heap_released"], memory["heap_released_bytes"])


def without_folders(name):
    """Descriptors name a type by its package, DWARF by the package's whole path."""
    return re.sub(r"[\w.-]+/", "", name)


def holder(job, told, report, _):
    first = report["holders"][0]
    seen = f"{first['kind']} {first['name']} ({first['found_by']}) {first['retained_bytes']}"
    expect("kind of the first holder", told["holder_kind"], first["kind"] + ("" if first["kind"] ==
           told["holder_kind"] else f", {seen}"))
    expect_near(f"retained_bytes of {seen}", told["retained_bytes"], first["retained_bytes"], 0.01)
    if told["holder_kind"] != "global":
        if told["holder"] not in first["name"]:
            raise Wrong(f"name: expected one with {told['holder']}, got {first['name']}")
    elif job.mode in ("normal", "nodwarf"):
        expect("name", told["holder"], first["name"])
    elif not re.search(r"used by .*\bmain\.", first["found_by"]):
        raise Wrong(f"found_by: expected a function of package main, got {first['found_by']!r}")
    path = [step["name"] for step in first["path"][:1]]
    expect("start of the path", [first["name"]], path)
    known = DECLARED.get(job.program, "")
    if job.mode == "normal":
        expect("type", known, first["type"])
    elif first["type"] and not first["type_guessed"] and first["type"] != INSIDE.get(job.program):
        expect("type", without_folders(known), without_folders(first["type"]))


# The variables' types as the sources declare them.
DECLARED = {
    "holder-channel-buffer": "chan main.delivery",
    "holder-closure": "func(*main.request) int",
    "holder-container-list": "*container/list.List",
    "holder-context-chain": "context.Context",
    "holder-embedded-struct": "main.server",
    "holder-global-map": "map[string]*main.session",
    "holder-interface-field": "main.application",
    "holder-linked-list": "*main.edit",
    "holder-map-of-structs": "map[main.position]main.order",
    "holder-method-value": "func(int) int",
    "holder-nested-maps": "map[string]map[string]main.byResource",
    "holder-slice-of-pointers": "[]*main.message",
    "holder-slice-of-slices": "[][]main.point",
    "holder-sync-map": "sync.Map",
    "holder-sync-pool": "sync.Pool",
    "holder-tree": "*main.node",
}
# Without DWARF a variable can bear the type of what is in it: in an interface, in a func, in its one
# field that is used.
INSIDE = {
    "holder-closure": "*func main.deduplicating.func1",
    "holder-context-chain": "*context.valueCtx",
    "holder-embedded-struct": "map[string]*main.entry",
    "holder-interface-field": "*main.memoryStorage",
    "holder-method-value": "*func main.(*exporter).flush-fm",
    "holder-sync-pool": "[]sync.poolLocal",
}


def shared(job, told, report, _):
    both = report["shared"][0]
    expect_near("shared bytes", told["shared_bytes"], both["retained_bytes"], 0.01)
    expect("holders of the shared bytes", 2, len(both["holders"]))
    alone = {h["name"]: h["retained_bytes"] for h in report["holders"] if h["kind"] == "global"}
    if job.mode in ("normal", "nodwarf"):
        expect("holders of the shared bytes", sorted([told["holder"], *told["other_holders"]]),
               sorted(both["holders"]))
        expect_near(f"alone by {told['holder']}", told["alone_bytes"], alone[told["holder"]], 0.01)
        other = told["other_holders"][0]
        expect_near(f"alone by {other}", told["other_alone_bytes"], alone[other], 0.01)
    else:
        # The other one holds what is alone its own by another field: a variable of its own without
        # symbols.
        first, second = both["holders"]
        if first == second:
            raise Wrong(f"both holders are called {first}")
        near = max(alone.get(first, 0), alone.get(second, 0))
        expect_near(f"alone by {first} or {second}", told["alone_bytes"], near, 0.01)


def may_be_untyped(job, name):
    """Objects that nothing leads to that knows their type. They must not have another one."""
    if job.program == "many-types":  # only locals of waiting goroutines point to some
        return name in ("main.held", "main.cell")
    if job.program == "holder-goroutine-stack":  # locals of a goroutine
        return minor(job.version) <= 21
    if job.mode != "normal":
        return job.program in ("holder-container-list", "holder-tree")
    return False


def types(job, told, report, _):
    counts = {}
    for row in report["types"]:
        if not row["guessed"]:
            name = without_folders(row["name"])
            counts[name] = counts.get(name, 0) + row["count"]
    wrong = []
    for name, expected in told["types"].items():
        got = counts.get(without_folders(name), 0)
        if got > expected or (got < expected and not may_be_untyped(job, name)):
            wrong.append(f"{name} {expected} (got {got})")
    if wrong:
        raise Wrong(f"{len(wrong)} of {len(told['types'])} counts, expected " + ", ".join(wrong[:40]))


def typed(job, _, report, __):
    share = report["counts"]["typed_bytes_share"]
    job.typed_share = share
    least = TYPED_SHARE if minor(job.version) >= 22 else TYPED_SHARE_BEFORE_1_22
    if share < least:
        raise Wrong(f"typed_bytes_share: expected at least {least}, got {share:.4f}")


def is_programs_own(row):
    """Rather than the runtime's: its threads move between lists without the program's doing."""
    return row["kind"] != "runtime" and row["name"] != "timers of sleeping goroutines"


def same(name, live, core):
    """A core tells what the live process did, but for how the runtime's own threads are linked."""
    for part, keys in (("memory", ("heap_objects_bytes", "heap_live_bytes", "heap_garbage_bytes",
                                   "heap_inuse_bytes", "heap_idle_bytes", "heap_released_bytes",
                                   "free_slots_bytes", "stacks_bytes")),
                       ("counts", ("objects", "garbage_objects", "goroutines", "system_goroutines", "timers"))):
        for key in keys:
            expect(f"{name}: {part}.{key}", live[part][key], core[part][key])
    for key in ("held_alone_bytes", "shared_bytes"):
        if abs(live["memory"][key] - core["memory"][key]) > RUNTIME_MOVES:
            expect(f"{name}: {key}", live["memory"][key], core["memory"][key])
    expect_near(f"{name}: edges", live["counts"]["edges"], core["counts"]["edges"], 0.001)
    for part, row in (("holders", lambda h: (h["kind"], h["name"], h["type"], h["retained_bytes"])),
                      ("types", lambda t: (t["name"], t["count"], t["bytes"]))):
        there = sorted(row(r) for r in live[part] if part == "types" or is_programs_own(r))
        here = sorted(row(r) for r in core[part] if part == "types" or is_programs_own(r))
        if there != here:
            only = [r for r in there if r not in here], [r for r in here if r not in there]
            raise Wrong(f"{name}: {part}: expected {only[0][:3]}, got {only[1][:3]}")


def gcore(job, _, __, program):
    if not shutil.which("gcore"):
        raise Skip("there is no gcore (package gdb)")
    report = inspect(program.pid)
    core = job.folder / f"gcore.{program.pid}"
    done = subprocess.run(["gcore", "-o", job.folder / "gcore", str(program.pid)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode or core.open("rb").read(4) != b"\x7fELF":
        raise Wrong(f"gcore failed with {done.returncode}: {done.stdout[-200:]}")
    same("gcore", report, inspect(core))
    same("gcore with --exe", report, inspect(core, "--exe", job.path))
    core.unlink()


def kernel(job, _, __, program):
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith(("|", "/")):
        raise Skip(f"kernel.core_pattern is {pattern}")
    unlimited = resource.RLIM_INFINITY
    try:
        resource.prlimit(program.pid, resource.RLIMIT_CORE, (unlimited, unlimited))
    except PermissionError as problem:
        raise Skip("the limit of core files cannot be raised here") from problem
    report = inspect(program.pid)
    program.process.send_signal(signal.SIGABRT)  # and GOTRACEBACK is crash
    program.process.wait(60)
    cores = list(job.folder.glob(pattern.split("%")[0] + "*"))
    if not cores:
        raise Wrong(f"no core file in {sorted(job.folder.iterdir())}; {program.complaints()}")
    same("kernel's core", report, inspect(cores[0]))
    same("kernel's core with --exe", report, inspect(cores[0], "--exe", job.path))


def busy(_, __, ___, program):
    before = program.truth
    for i in range(BUSY_INSPECTIONS):
        report = inspect(program.pid)
        memory = report["memory"]
        expect("held alone + shared + garbage", memory["heap_objects_bytes"],
               memory["held_alone_bytes"] + memory["shared_bytes"] + memory["heap_garbage_bytes"])
        if not memory["heap_live_bytes"] or memory["heap_objects_bytes"] > memory["heap_inuse_bytes"]:
            raise Wrong(f"inspection {i}: memory does not add up: {memory}")
        time.sleep(0.02)
    for _ in range(BUSY_INSPECTIONS // 2):
        # Read while it changes: numbers that are off or a runtime that makes no sense, but no crash.
        done = truth.leakhound("inspect", program.pid, "--freeze", "none", "--format", "json")
        if done.returncode not in (0, 3, 4):
            raise Wrong(f"--freeze=none: exit status {done.returncode}: {done.stderr[-300:]}")
    time.sleep(0.1)
    after = program.ask()
    if not program.runs():
        raise Wrong("the program does not run on")
    if after["checks"] <= before["checks"]:
        raise Wrong("the program does no work any more")
    expect("SIGCHLD that the program got", 0, after["sigchld"])
    program.process.terminate()
    expect("end by SIGTERM", -signal.SIGTERM, program.process.wait(60))


def jobs(versions):
    """All that is to be run, in order."""
    every = truth.programs()
    holders = [p for p in every if p.startswith("holder-")]
    for number, version in enumerate(versions):
        for mode in (*MODES, "nodwarf"):
            some = holders if mode in ("normal", "stripped") else holders[number % 3::3]
            if truth.QUICK:
                some = holders[(number + len(mode)) % 6::6] if mode != "nodwarf" else []
            yield from (Job(version, mode, p, (books, idle, holder, types)) for p in some)
            if mode == "nodwarf":
                continue
            yield Job(version, mode, "many-types", (books, idle, types))
            yield Job(version, mode, "two-holders", (books, idle, shared, types))
            if not truth.QUICK or mode == "stripped":
                yield Job(version, mode, "webservice", (books, idle, types, typed))
            if version in CORE_VERSIONS and mode in CORE_MODES:
                for program in CORE_PROGRAMS[:1] if truth.QUICK else CORE_PROGRAMS:
                    yield Job(version, mode, program, (gcore, kernel))
        if version in BUSY_VERSIONS[truth.QUICK * 4:]:
            yield Job(version, "normal", "busy", (busy,))


class Table:
    """What passed, by version and mode and check."""

    def __init__(self):
        self.cells, self.typed = {}, {}

    def add(self, job, check, passed):
        cell = self.cells.setdefault((job.version, job.mode), {}).setdefault(check, [0, 0])
        cell[0] += passed
        cell[1] += 1
        if job.typed_share is not None:
            self.typed[job.version, job.mode] = f"{job.typed_share:.1%}"

    def lines(self):
        checks = [c.__name__ for c in (books, idle, holder, shared, types, typed, gcore, kernel, busy)]
        lines = ["| Go | build | " + " | ".join(checks) + " | webservice typed |",
                 "| --- " * (len(checks) + 3) + "|"]
        for (version, mode), cells in self.cells.items():
            row = ["{}/{}".format(*cells[c]) if c in cells else "" for c in checks]
            lines.append(f"| {version} | {mode} | " + " | ".join(row)
                         + f" | {self.typed.get((version, mode), '')} |")
        return lines


if __name__ == "__main__":
    sys.exit(truth.run_jobs("zoo", __doc__.split("\n\n")[-1], QUICK_VERSIONS, jobs, lambda _: Table(),
                            os.cpu_count()))
