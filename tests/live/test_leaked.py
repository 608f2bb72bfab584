#!/usr/bin/env python3
"""Goroutines that are blocked for ever against what their program and the Go runtime know, for every
Go version at hand, with and without symbols and optimisation.

goprogs/leaked starts some hundred goroutines, each in a function whose name begins with leak or live.

  proven   those that leakhound finds blocked for ever are those that run a function leak…, and of no
           other goroutine is it unclear what it waits for
  runtime  from 1.26 on (there with GOEXPERIMENT=goroutineleakprofile) they are those of the runtime's
           own goroutineleak profile, taken right after
  stacks   `leakhound goroutines --all` prints the frames that runtime.Stack prints, and the states
  core     a core of the process says the same

usage: test_leaked.py [VERSION...]
Environment: LEAKHOUND, LEAKHOUND_BUILD (its tests/test-tool-leak_dump), LEAKHOUND_CACHE (its go/ has
the toolchains), LEAKHOUND_QUICK=1 (four versions only).
"""
import re
import select
import signal
import subprocess
import sys
import time

import truth
from truth import Wrong, expect, minor

QUICK_VERSIONS = ("1.15", "1.22", "1.26", "1.27")
VARIANTS = {"normal": [], "stripped": ["-ldflags=-s -w"], "unoptimised": ["-gcflags=all=-N -l"]}
FIRST_WITH_PROFILE = 26
EXPERIMENTS = {"1.26": "goroutineleakprofile"}
SECONDS = 120
LEAKED = re.compile(r"\.(\(\*?\w+\)\.)?leak\w*$")
LIVE = re.compile(r"\.(\(\*?\w+\)\.)?live\w*$")


class Leaky:
    """The program; it answers to SIGUSR1."""

    def __init__(self, path):
        self.stacks = {}
        self.process = subprocess.Popen([path], stdout=subprocess.PIPE, text=True)
        expect("first line", "ready", self.line())

    def line(self):
        if not select.select([self.process.stdout], [], [], SECONDS)[0]:
            raise Wrong("the program says nothing")
        return self.process.stdout.readline().strip()

    def profile(self):
        """Ids of the goroutines that the runtime finds leaked; None without such a profile."""
        self.process.send_signal(signal.SIGUSR1)
        lines = []
        while not lines or lines[-1] != "end":
            if self.process.poll() is not None:
                raise Wrong("the program ended")
            # what is buffered does not show in select
            lines.append(self.process.stdout.readline().rstrip("\n"))
        stacks = lines.index("stacks")
        self.stacks = parse("\n".join(lines[stacks + 1:-1]))
        if lines[0] == "no profile":
            return None
        return {m.group(1) for m in map(re.compile(r"^goroutine (\d+) \[.*\(leaked\)").match, lines[:stacks]) if m}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def parse(text):
    """State and frames (function, file:line) of the goroutines of a dump, by id."""
    goroutines, frames, function = {}, None, None
    for line in text.splitlines():
        head = re.match(r"goroutine (\d+) \[([^,\]]*)", line)
        if head:
            frames = [head.group(2).replace(" (leaked)", "")]
            goroutines[head.group(1)] = frames
        elif not line:
            frames = None
        elif line.startswith("\t") and frames is not None:
            frames.append((function, re.match(r"\t(.*:\d+)", line).group(1)))
        elif not line.startswith("#"):
            function = line if line.startswith("created by") else re.sub(r"\([^()]*\)$", "", line)
    return goroutines


def dump(target):
    """Rows of goroutines by id, and the totals."""
    rows = [line.split("\t") for line in truth.run_tool("leak_dump", target).splitlines()]
    return {row[1]: row for row in rows if row[0] == "G"}, next(row for row in rows if row[0] == "T")


def check_proven(goroutines, totals):
    expect("what is unclear", ["0", ""], [totals[2], totals[4]])
    known = [g for g in goroutines.values() if LEAKED.search(g[4])]
    if len(known) < 30 or len([g for g in goroutines.values() if LIVE.search(g[4])]) < 35:
        raise Wrong(f"of {len(goroutines)} goroutines only {len(known)} are known to be leaked")
    wrong = [g for g in goroutines.values() if (g[2] == "proven") != bool(LEAKED.search(g[4]))]
    if wrong:
        raise Wrong("wrong: " + "; ".join(" ".join(g[1:6]) for g in wrong))


def check_runtime(goroutines, profile, version):
    if profile is None:
        if minor(version) >= FIRST_WITH_PROFILE:
            raise Wrong("the program has no profile")
        return
    expect("leaked by the runtime", sorted(profile, key=int),
           sorted((g[1] for g in goroutines.values() if g[2] == "proven"), key=int))


def check_stacks(pid, program):
    done = truth.leakhound("goroutines", pid, "--all")
    if done.returncode:
        raise Wrong(f"goroutines: {done.stderr.decode()[-300:]}")
    ours, theirs = parse(done.stdout.decode()), program.stacks
    # main writes the dump, and some stand elsewhere each time
    same = [i for i in theirs if theirs[i] == ours.get(i)]
    wrong = [i for i in theirs if i not in same and i != "1" and theirs[i][0] not in ("running", "runnable", "sleep")]
    if wrong or len(same) < 80 or set(ours) != set(theirs):
        raise Wrong(f"of {len(theirs)} stacks {len(same)} are the same; " +
                    "; ".join(f"{i}: {theirs[i]} is {ours.get(i)}" for i in wrong[:2]))


def check(version, variant, folder):
    path = folder / f"leaked-{version}-{variant}"
    truth.build_own(version, "leaked", VARIANTS[variant], path, EXPERIMENTS.get(version, ""))
    with Leaky(path) as program:
        time.sleep(0.05)
        goroutines, totals = dump(program.process.pid)
        check_proven(goroutines, totals)
        check_runtime(goroutines, program.profile(), version)
        check_stacks(program.process.pid, program)
        if variant == "stripped":
            core = folder / "core"
            done = truth.leakhound("core", program.process.pid, "-o", core)
            if done.returncode:
                raise Wrong(f"core: {done.stderr.decode()[-300:]}")
            goroutines, totals = dump(core)
            check_proven(goroutines, totals)
            core.unlink()
    path.unlink()


if __name__ == "__main__":
    sys.exit(truth.run_versions("leaked", QUICK_VERSIONS, VARIANTS, check, between="/"))
