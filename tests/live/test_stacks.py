#!/usr/bin/env python3
"""Goroutines and their stacks against the Go runtime itself, for every Go version at hand.

Starts goprogs/stacks built with each version (normal, stripped, stripped PIE) and lets
test-tool-stack_dump read it from outside. Then the program collects garbage and names the objects
that died, and at last dies itself of SIGQUIT with a full dump of all goroutines. Compared:

  counts     user goroutines = NumGoroutine
  pointers   objects that the collector kept are reported (or are behind a reported pointer), those
             that it freed are not, except word by word
  frames     function, file, line, pc, sp and the caller's sp of each frame, state and creator

usage: test_stacks.py [VERSION...]
Environment: LEAKHOUND_BUILD (directory of the test tools), LEAKHOUND_CACHE (its go/ has the
toolchains, as scripts/go-toolchains fetches them), LEAKHOUND_QUICK=1 (normal builds only).
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("LEAKHOUND_BUILD", os.path.join(HERE, "..", "..", "build"))
CACHE = os.environ.get("LEAKHOUND_CACHE", os.path.expanduser("~/.cache/leakhound"))
TOOLCHAINS = os.path.join(CACHE, "go")
PROGRAM = os.path.join(HERE, "goprogs", "stacks")
SECONDS = 120
TRIES_TO_SETTLE = 50
VARIANTS = {
    "normal": [],
    "stripped": ["-ldflags=-s -w"],
    "stripped-pie": ["-ldflags=-s -w", "-buildmode=pie"],
}
# What dies and what must not, so that the comparison means something. A register of the goroutine
# that spins may hold one of the dead by chance when the collector looks.
DEAD = {"dead-local", "dead-argument", "dead-closure", "dead-object-first", "dead-object-second",
        "fault-argument", "go-argument-dead", "loop-dead", "panic-before"}
SURELY_KEPT = {"local", "argument", "object-first", "part1-second", "array8", "structure-c",
               "interface", "slice1", "closure", "deferred-closure", "deferred-call",
               "deferred-many4", "medium-last", "method-value", "make-func", "reflect-receiver",
               "reflect-argument", "result-b", "chain-next", "loop-live", "large-frame",
               "interior", "go-argument", "panic-deferred", "fault-deferred", "syscall", "spin"}
HEADER = re.compile(r"^goroutine (\d+)(?: gp=\S+)?(?: m=\S+)?(?: mp=\S+)? \[(.*?)\](?: \{.*\})?:$")
POSITION = re.compile(r"^\t(.*):(\d+)(?: \+0x[0-9a-f]+)?"
                      r"(?: fp=0x([0-9a-f]+) sp=0x([0-9a-f]+) pc=0x([0-9a-f]+))?$")


class Failure(Exception):
    pass


def find_tool():
    for directory in (BUILD, os.path.join(BUILD, "tests")):
        path = os.path.join(directory, "test-tool-stack_dump")
        if os.access(path, os.X_OK):
            return path
    return None


def versions_at_hand():
    names = os.listdir(TOOLCHAINS) if os.path.isdir(TOOLCHAINS) else []
    return sorted((name for name in names if re.match(r"^1\.\d+$", name)), key=minor)


def go_build(version, options, output, folder):
    environment = dict(os.environ, GO111MODULE="off", GOTOOLCHAIN="local", GOFLAGS="",
                       CGO_ENABLED="0")
    subprocess.run([os.path.join(TOOLCHAINS, version, "bin", "go"), "build", "-o", output, *options,
                    "."], env=environment, check=True, cwd=folder)


def minor(version):
    return int(version.split(".")[1])


def plain_name(name):
    """The runtime writes type arguments as [...]."""
    first, last = name.find("["), name.rfind("]")
    return name if first < 0 or last < first else name[:first] + "[...]" + name[last + 1:]


def plain_state(state):
    return state.split(",")[0].replace(" (scan)", "")


class Goroutine:
    def __init__(self, state):
        self.state = state
        self.system = self.complete = False
        self.frames = []  # (function, file, line, None or (pc, sp, top)), innermost first
        self.cut = None   # the runtime leaves out the frames in the middle from this index on
        self.creator = None


class Dump:
    """What stack_dump printed."""

    def __init__(self, text):
        self.goroutines, self.user = {}, None
        self.precise, self.conservative, self.behind = set(), set(), set()
        goroutine = None
        for line in text.splitlines():
            kind, *f = line.split("\t")
            if kind == "N":
                self.user = int(f[0])
            elif kind == "G":
                goroutine = self.goroutines[int(f[0])] = Goroutine(f[1])
                goroutine.system, goroutine.complete = f[2] == "1", f[4] == "1"
            elif kind == "F":
                place = None if f[3] == "1" else tuple(int(x, 16) for x in f[5:8])
                goroutine.frames.append((plain_name(f[0]), f[1], int(f[2]), place))
            elif kind == "C":
                goroutine.creator = (plain_name(f[0]), f[1], int(f[2]), int(f[3]))
            elif kind == "P":
                word_by_word = f[2] == "1" or f[1] == "0"
                (self.conservative if word_by_word else self.precise).add(int(f[0], 16))
            elif kind == "I":
                self.behind.add(int(f[0], 16))

    @staticmethod
    def reports(address, size, values):
        return any(address + i in values for i in range(size))


def parse_crash(text):
    """The runtime's dump at GOTRACEBACK=system, by goroutine id."""
    goroutines, goroutine, name = {}, None, None
    for line in text.splitlines():
        header = HEADER.match(line)
        if header:
            goroutine = Goroutine(plain_state(header.group(2)))
            goroutines.setdefault(int(header.group(1)), goroutine)
            continue
        if goroutine is None:
            continue
        if not line:
            goroutine = None
        elif re.match(r"^\.\.\.(additional|\d+) frames elided\.\.\.$", line):
            goroutine.cut = len(goroutine.frames)
        elif line.startswith("created by "):
            words = re.match(r"^created by (.*?)(?: in goroutine (\d+))?$", line)
            name = ("created", words.group(1), int(words.group(2) or 0))
        elif line.startswith("\t"):
            position = POSITION.match(line)
            if not position:
                continue  # "goroutine running on other thread; stack unavailable"
            file, number, top, sp, pc = position.groups()
            if name[0] == "created":
                goroutine.creator = (name[1], file, int(number), name[2])
            else:
                place = (int(pc, 16), int(sp, 16), int(top, 16)) if pc else None
                goroutine.frames.append((name[1], file, int(number), place))
        else:
            function = line[:line.rfind("(")]
            name = ("frame", "runtime.gopanic" if function == "panic" else function)
    return goroutines


def compare(number, ours, theirs):
    where = f"goroutine {number} [{theirs.state}]"
    if not ours.complete:
        raise Failure(f"{where}: the walk did not reach the outermost frame")
    if ours.state != theirs.state:
        raise Failure(f"{where}: we say [{ours.state}]")
    frames = ours.frames
    if theirs.cut is not None:
        tail = len(theirs.frames) - theirs.cut
        frames = frames[:theirs.cut] + (frames[-tail:] if tail else [])
    if len(frames) != len(theirs.frames):
        raise Failure(f"{where}: {len(theirs.frames)} frames, we see {len(frames)}: "
                      f"{[f[0] for f in theirs.frames]} / {[f[0] for f in frames]}")
    for ours_frame, theirs_frame in zip(frames, theirs.frames):
        if ours_frame != theirs_frame:
            raise Failure(f"{where}: frame {theirs_frame}, we see {ours_frame}")
    creator = theirs.creator
    if creator and (ours.creator[:3] != creator[:3] or ours.creator[3] != creator[3]):
        raise Failure(f"{where}: created by {creator}, we see {ours.creator}")


def check_frames(dump, crash):
    compared = 0
    for number, theirs in crash.items():
        if number == 0 or not theirs.frames:
            continue
        ours = dump.goroutines.get(number)
        if ours is None:
            raise Failure(f"goroutine {number} is missing")
        if theirs.state in ("running", "runnable") or ours.state in ("running", "runnable", "preempted"):
            if not ours.system and not ours.complete:
                raise Failure(f"goroutine {number}: a running one's stack was not walked to its end")
            continue
        if ours.system and ours.state != theirs.state:
            continue  # woken in between
        compare(number, ours, theirs)
        compared += 1
    # The runtime may leave out the one whose thread took the signal.
    extra = [n for n, g in dump.goroutines.items() if not g.system and n not in crash]
    if len(extra) > 1:
        raise Failure(f"goroutines {extra} are not in the runtime's dump")
    if compared < 50:
        raise Failure(f"only {compared} goroutines compared")
    spinning = [g for g in dump.goroutines.values() if any(f[0] == "main.spin" for f in g.frames)]
    if len(spinning) != 1:
        raise Failure(f"{len(spinning)} goroutines in main.spin")


def check_pointers(dump, holdings, dead, version):
    size = 64
    survivors = DEAD - dead
    wrong = SURELY_KEPT & dead
    if len(survivors) > 2 or wrong:
        raise Failure(f"the program kept {sorted(survivors)} and lost {sorted(wrong)}")
    kept = set(holdings) - dead - DEAD
    if minor(version) >= 24:
        kept.discard("big-last")  # at the end of an object of the heap
    unseen = [name for name in kept if not any(
        dump.reports(holdings[name], size, values)
        for values in (dump.precise, dump.conservative, dump.behind))]
    if unseen:
        raise Failure(f"not reported: {unseen}")
    false = [name for name in dead | DEAD if dump.reports(holdings[name], size, dump.precise)]
    if false:
        raise Failure(f"dead, yet reported: {false}")


class Program:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True,
                                        env=dict(os.environ, GOTRACEBACK="system"))

    def lines_until(self, last):
        lines = []
        for line in self.process.stdout:
            if line.strip() == last:
                return lines
            lines.append(line.split())
        raise Failure(f"the program ended before {last}")

    def collect(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return {words[1] for words in self.lines_until("COLLECTED")}

    def crash(self):
        self.process.send_signal(signal.SIGQUIT)
        return self.process.stderr.read()  # before standard input closes, at which it would exit

    def stop(self):
        self.process.kill()
        self.process.communicate()


def read(tool, process):
    done = subprocess.run([tool, str(process.pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=SECONDS)
    if done.returncode:
        raise Failure(done.stderr.strip()[-400:] or f"stack_dump: exit status {done.returncode}")
    return Dump(done.stdout)


def resting(dump):
    return {number: g.frames for number, g in dump.goroutines.items()
            if not g.system and g.state not in ("running", "runnable")}


def read_settled(tool, process):
    """A dump of the program at rest: what it wrote last, it may still be writing."""
    last = read(tool, process)
    for _ in range(TRIES_TO_SETTLE):
        time.sleep(0.1)
        dump = read(tool, process)
        if resting(dump) == resting(last):
            return dump
        last = dump
    raise Failure("the program does not come to rest")


def check(name, action):
    try:
        action()
        print(f"ok {name}", flush=True)
        return True
    except Failure as failure:
        print(f"FAIL {name}: {failure}", flush=True)
        return False


def check_count(dump, expected):
    if dump.user != expected:
        raise Failure(f"NumGoroutine is {expected}, we count {dump.user}")


def run(tool, version, variant, directory):
    path = os.path.join(directory, f"stacks-{version}-{variant}")
    go_build(version, VARIANTS[variant], path, PROGRAM)
    name = f"stacks/{version}-{variant}"
    program = Program(path)
    try:
        words = program.lines_until("READY")
        holdings = {w[1]: int(w[2], 16) for w in words if w[0] == "HOLD"}
        expected = next(int(w[1]) for w in words if w[0] == "GOROUTINES")
        before = read(tool, program.process)
        good = check(f"{name}/count", lambda: check_count(before, expected))
        dead = program.collect()
        good &= check(f"{name}/pointers", lambda: check_pointers(before, holdings, dead,
                                                                        version))
        after = read_settled(tool, program.process)
        crash = parse_crash(program.crash())
        good &= check(f"{name}/frames", lambda: check_frames(after, crash))
        return good
    except (Failure, subprocess.TimeoutExpired) as failure:
        print(f"FAIL {name}: {failure}", flush=True)
        return False
    finally:
        program.stop()
        os.unlink(path)


def main():
    tool = find_tool()
    if not tool:
        print("skip stacks: test-tool-stack_dump is not built")
        return 0
    versions = sys.argv[1:] or versions_at_hand()
    if not versions:
        print("skip stacks: no Go toolchains (scripts/go-toolchains fetches them)")
        return 0
    variants = ["normal"] if os.environ.get("LEAKHOUND_QUICK") == "1" else list(VARIANTS)
    good = True
    with tempfile.TemporaryDirectory() as directory:
        for version in versions:
            for variant in variants:
                good &= run(tool, version, variant, directory)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
