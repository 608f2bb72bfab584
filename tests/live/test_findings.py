#!/usr/bin/env python3
"""Findings of leakhound against the programs of the zoo that leak, and those that do not.

For every Go version at hand and every way of building, each form of each zoo/leak-CASE is started,
inspected, mended (SIGUSR2) and asked again, and so is its healthy twin:

  zoo      what the program says that it leaks is what its heap loses when it is mended, within 1 %:
           a test of the zoo itself
  finding  the first finding is this case: its holder by name or, without symbols, by a function of
           package main; bytes within 2 %, count, class, message, fix, path
  mended   the heap lost what the finding said, within 2 %, and nothing is found any more
  silent   of cases that only growth can show, and of versions without the case: nothing above info
  healthy  nothing above info in the twin
  grown    of cases of growth: `leakhound diff` of two snapshots tells the holder and how much
  mixed    three leaks in a large service are its first three findings, and all above info
  innocent nothing above info in what only seems to leak (zoo/not-a-leak)

usage: test_findings.py [--only VERSION[,VERSION...]] [--match TEXT] [--table FILE]
  --table FILE   also write the table as Markdown
Environment: LEAKHOUND, LEAKHOUND_CACHE, LEAKHOUND_QUICK=1 as in test_zoo.py.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import truth
from truth import Program, Skip, Wrong, expect, expect_near, inspect, minor

PERMANENT, TEMPORARY = ("permanent",), ("temporary",)
QUICK_VERSIONS = ("1.15", "1.23", "1.24", "1.27")
SCALE, MIXED_SCALE = 0.3, 0.1
ZOO_SHARE, SHARE = 0.01, 0.02
ARENA_CHUNK = 8 << 20
# Programs spend their start in short sleeps between collections.
WORKERS = 2 * (os.cpu_count() or 1)
MISHAPS = (OSError, ValueError, LookupError, TypeError, subprocess.SubprocessError)


class Case:
    """What is known of a case beside what its program tells."""

    def __init__(self, classes, first=15, last=99, growth=False, scale=SCALE, count_share=0,
                 spare=0, modes=None, seems=None):
        self.classes = classes  # the class is one of them
        self.first, self.last = first, last  # minor versions of Go in which it is a leak
        self.growth = growth  # one snapshot cannot tell it from what is needed
        self.scale = scale
        self.count_share = count_share  # by how much `count` may be off
        self.spare = spare  # bytes that the finding may have above what the fix frees at once
        self.modes = modes  # the only modes in which it builds
        # Forms that one snapshot cannot tell from something else: under which id they may be
        # found, too, and then as info.
        self.seems = seems or {}

    def leaks(self, version):
        return self.first <= minor(version) <= self.last


CASES = {
    # From 1.24 on sync.Map is a tree of hashes, which deletes for real. Until the next two promotions,
    # which a map that is only deleted from never sees.
    "syncmap-stale-keys": Case(PERMANENT + TEMPORARY, last=23),
    "map-never-shrinks": Case(PERMANENT),
    "map-grows-only": Case(PERMANENT, growth=True),
    "map-values-pinned": Case(PERMANENT),
    "request-pinned": Case(PERMANENT),
    "context-children": Case(PERMANENT),
    "substring-pinned": Case(PERMANENT),
    "subslice-pinned": Case(PERMANENT),
    # Until the slots are written again, or for ever.
    "hidden-elements": Case(PERMANENT + TEMPORARY),
    "oversized-backing": Case(PERMANENT + TEMPORARY),
    # A free list of one's own is a list of empty buffers.
    "pool-bloat": Case(PERMANENT + TEMPORARY, seems={"free-list": "oversized-backing"}),
    "finalizer-cycle": Case(PERMANENT),
    "chan-backlog": Case(PERMANENT + TEMPORARY),
    "listener-growth": Case(PERMANENT, growth=True),
    # The chunk that an arena fills last is not freed but waits for the next arena.
    "arena-held": Case(PERMANENT + TEMPORARY, first=21, spare=ARENA_CHUNK, modes=("arenas",)),
    # Less than 16 MiB are no finding.
    "garbage-waiting": Case(TEMPORARY, scale=0.6),
    "fragmented-spans": Case(TEMPORARY),
    "duplicate-strings": Case(PERMANENT, count_share=SHARE),
    "goroutine-leak": Case(PERMANENT),
    # Where asynctimerchan=1: without a module, up to 1.26.
    "timer-backlog": Case(TEMPORARY, last=26),
    "ticker-unstopped": Case(PERMANENT, last=26),
    "defer-pile": Case(TEMPORARY),
}


def case_of(program):
    return CASES.get(program[len("leak-"):], Case(PERMANENT + TEMPORARY))


class Job:
    """One program, built with one version in one mode."""

    def __init__(self, version, mode, program):
        self.version, self.mode, self.program = version, mode, program
        self.case = program[len("leak-"):] if program.startswith("leak-") else program
        self.name = f"findings/{version}/{mode}/{self.case}"
        self.path = self.folder = None
        self.stripped = mode in ("stripped", "pie")

    def run(self, folder):
        """A list of (name of the check, None or what is wrong or a Skip)."""
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        self.path = self.folder / self.program
        results = []
        try:
            truth.build(self.version, self.mode, self.program, self.path)
            for name, check in self.checks():
                results.append((name, outcome(check)))
        except (Wrong, *MISHAPS) as problem:
            results.append(("run", describe(problem)))
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        return results

    def forms(self):
        listed = subprocess.run([self.path, "-forms"], stdout=subprocess.PIPE, check=True, text=True)
        return listed.stdout.split()

    def start(self, *arguments):
        return Program(self.path, *arguments, folder=self.folder)


class LeakJob(Job):
    """A program of one case, all its forms or, in `quick` rounds, some."""

    def __init__(self, version, mode, program, number=0, share=1, healthy=True):
        super().__init__(version, mode, program)
        self.spec = case_of(program)
        self.number, self.share, self.healthy = number, share, healthy

    def checks(self):
        forms = self.forms()
        if self.share > 1:
            forms = [forms[self.number % len(forms)]]
        for form in forms:
            yield from self.checks_of(form)

    def checks_of(self, form):
        arguments = ("-form", form, "-scale", self.spec.scale)
        with self.start(*arguments) as program:
            told = program.ask()
            report = None

            def look(check):
                def looked():
                    nonlocal report
                    report = report or look_at(program)
                    check(self, told, report)
                return looked

            expected = self.spec.leaks(self.version)
            named = expected and not self.spec.growth
            yield f"{form}/{'finding' if named else 'silent'}", look(finding if named else silent)
            if expected and self.spec.growth:
                yield f"{form}/grown", lambda: self.grown(program)
            if expected:
                if self.spec.growth:
                    told = program.ask()
                program.process.send_signal(signal.SIGUSR2)
                after = program.next_truth()
                yield f"{form}/zoo", lambda: zoo(self, told, after)
            if named:
                yield f"{form}/mended", lambda: mended(self, told, after, report, program)
        if self.healthy:
            with self.start(*arguments, "-healthy") as program:
                yield f"{form}/healthy", lambda: silent(self, program.truth, look_at(program))

    def grown(self, program):
        before, after = self.folder / "before.lhsnap", self.folder / "after.lhsnap"
        snapshot(program, before)
        program.process.send_signal(signal.SIGHUP)
        told = program.next_truth()
        snapshot(program, after)
        done = truth.leakhound("diff", before, after, "--format", "json")
        if done.returncode:
            raise Wrong(f"diff: exit status {done.returncode}: {done.stderr.decode()[-300:]}")
        report = json.loads(done.stdout)
        if not report["findings"]:
            raise Wrong(f"diff found nothing, expected {told['grown_bytes']} bytes in {told['leak_holder']}")
        first = report["findings"][0]
        expect("id", self.case, first["id"])
        check_holder(self, told["leaks"][0], first)
        expect_near("bytes by which it grew", told["grown_bytes"], first["bytes"], SHARE)
        check_texts(first)


class MixedJob(Job):
    """A large service with three leaks."""

    def checks(self):
        with self.start("-scale", MIXED_SCALE) as program:
            told = program.ask()
            report = look_at(program)
            yield "mixed", lambda: mixed(self, told, report)
            program.process.send_signal(signal.SIGUSR2)
            after = program.next_truth()
            yield "zoo", lambda: expect_near("fall of heap_alloc", told["heap_alloc"] - after["heap_alloc"],
                                             sum(leak["bytes"] for leak in told["leaks"]), ZOO_SHARE)
            yield "healthy", lambda: silent(self, after, look_at(program))


class InnocentJob(Job):
    """All that only seems to leak, or a share of it."""

    def __init__(self, version, mode, program, number=0, share=1):
        super().__init__(version, mode, program)
        self.number, self.share = number, share

    def checks(self):
        for form in self.forms()[self.number % self.share::self.share]:
            with self.start("-form", form, "-scale", SCALE) as program:
                yield f"{form}/innocent", lambda: silent(self, program.truth, look_at(program))


def describe(problem):
    return str(problem) if isinstance(problem, Wrong) else repr(problem)


def outcome(check):
    try:
        check()
        return None
    except Skip as reason:
        return reason
    except (Wrong, *MISHAPS) as problem:
        return describe(problem)


def look_at(program):
    try:
        return inspect(program.pid)
    except Wrong as problem:
        if "GOEXPERIMENT" in str(problem):
            raise Skip("leakhound does not read builds with this GOEXPERIMENT") from problem
        raise


def snapshot(program, path):
    done = truth.leakhound("snapshot", program.pid, "-o", path)
    if done.returncode:
        raise Wrong(f"snapshot: exit status {done.returncode}: {done.stderr.decode()[-300:]}")


def summary(one):
    return (f"{one['severity']} {one['id']} of {one['holder'] or one['found_by'] or 'nobody'}"
            f" ({one['bytes']} bytes, count {one['count']})")


def above_info(report):
    return [one for one in report["findings"] if one["severity"] != "info"]


def silent(_, __, report):
    loud = above_info(report)
    if loud:
        raise Wrong(f"{len(loud)} above info: " + "; ".join(summary(one) for one in loud[:3]))


def check_holder(job, leak, got):
    kind, names = leak["holder_kind"], [leak["holder"], *leak["other_holders"]]
    shown = f"{got['holder_kind']} {got['holder']!r} ({got['found_by']!r})"
    if kind == "none":
        return expect("holder", "", got["holder"])
    if got["holder_kind"] == "goroutine" and any(name in got["holder"] for name in names[1:]):
        return None
    if got["holder_kind"] != kind:
        raise Wrong(f"holder_kind: expected {kind}, got {shown}")
    if kind != "global":
        right = any(name in got["holder"] for name in names)
    elif job.stripped:
        right = re.search(r"used by .*\bmain\.", got["found_by"])
    else:
        right = any(got["holder"] == name or got["holder"].startswith(name + ".") for name in names)
    if not right:
        raise Wrong(f"holder: expected {' or '.join(names)}, got {shown}")
    return expect("start of the path", [got["holder"]], [step["name"] for step in got["path"][:1]])


def check_texts(got):
    for key in ("message", "fix"):
        if len(got[key]) < 20:
            raise Wrong(f"{key}: expected a sentence, got {got[key]!r}")


def check_finding(job, leak, got):
    spec = case_of("leak-" + leak["case"])
    check_holder(job, leak, got)
    if not leak["bytes"] * (1 - SHARE) <= got["bytes"] <= leak["bytes"] * (1 + SHARE) + spec.spare:
        expect_near("bytes", leak["bytes"], got["bytes"], SHARE)
    share = spec.count_share if got["id"] == leak["case"] else SHARE
    if share:
        expect_near("count", leak["count"], got["count"], share)
    else:
        expect("count", leak["count"], got["count"])
    if got["class"] not in spec.classes:
        raise Wrong(f"class: expected {' or '.join(spec.classes)}, got {got['class']}")
    check_texts(got)


def cannot_be_told(job, told):
    """Why leakhound cannot know, or None. A finding all the same is judged as any other."""
    if job.stripped and minor(job.version) <= 21 and told["form"] == "generic":
        return "up to Go 1.21 without symbols only the dictionary of the generic code knows the map's type"
    return None


def finding(job, told, report):
    if not report["findings"]:
        reason = cannot_be_told(job, told)
        raise Skip(reason) if reason else Wrong("nothing was found")
    first = report["findings"][0]
    if first["id"] not in accepted(job, told):
        raise Wrong(f"the first finding is {summary(first)}, expected {told['case']} of"
                    f" {told['leak_holder'] or 'nobody'} ({told['leak_bytes']} bytes)")
    check_finding(job, told["leaks"][0], first)
    if told["form"] not in job.spec.seems:
        expect("severity", "critical", first["severity"])
    others = [one for one in above_info(report) if one is not first]
    if others:
        raise Wrong(f"one cause, but also {summary(others[0])}")


def accepted(job, told):
    """The ids under which it may be found."""
    return (told["case"], job.spec.seems.get(told["form"]))


def fall(told, after):
    key = told["leak_measure"]
    return told[key] - after[key]


def zoo(_, told, after):
    expect("mended", True, after["mended"])
    expect_near(f"leak_bytes against the fall of {told['leak_measure']}", fall(told, after),
                told["leak_bytes"], ZOO_SHARE)


def mended(job, told, after, report, program):
    if report is None or not report["findings"] or report["findings"][0]["id"] not in accepted(job, told):
        raise Skip("it was not found")
    lost, said = fall(told, after), report["findings"][0]["bytes"]
    if not lost * (1 - SHARE) <= said <= lost * (1 + SHARE) + job.spec.spare:
        expect_near("bytes against the fall of " + told["leak_measure"], lost, said, SHARE)
    if not job.stripped:
        silent(job, after, look_at(program))


def mixed(job, told, report):
    loud = above_info(report)
    expect("findings above info", sorted(leak["case"] for leak in told["leaks"]),
           sorted(one["id"] for one in loud))
    expect("first findings", [one["id"] for one in loud],
           [one["id"] for one in report["findings"][:len(loud)]])
    for leak in told["leaks"]:
        check_finding(job, leak, next(one for one in loud if one["id"] == leak["case"]))


def jobs(versions):
    """All that is to be run, in order."""
    every = truth.programs()
    leaks = [p for p in every if p.startswith("leak-")]
    for number, version in enumerate(versions):
        for place, program in enumerate(leaks):
            spec = case_of(program)
            if spec.modes:
                if spec.leaks(version) and not truth.QUICK:
                    yield from (LeakJob(version, mode, program) for mode in spec.modes)
                continue
            if truth.QUICK:
                if (place + number) % 3 == 0:
                    yield LeakJob(version, ("normal", "stripped")[place % 2], program, number, 2)
                continue
            yield LeakJob(version, "normal", program)
            yield LeakJob(version, "stripped", program, healthy=(place + number) % 3 == 0)
            if (place + number) % 3 == 1:
                yield LeakJob(version, "pie", program, number, 2, healthy=False)
        for place, program in enumerate(p for p in every if p.startswith("mixed-")):
            if not truth.QUICK:
                yield MixedJob(version, "normal", program)
            if not truth.QUICK or (place + number) % 2 == 0:
                yield MixedJob(version, "stripped", program)
        if truth.QUICK:
            yield InnocentJob(version, "normal", "not-a-leak", number, 4)
        else:
            yield InnocentJob(version, "normal", "not-a-leak")
            yield InnocentJob(version, "stripped", "not-a-leak", number, 3)


class Table:
    """By case and version: how often it was there to be found, how often it was, and what was found
    above info where nothing is."""

    def __init__(self, versions):
        self.versions, self.cells = versions, {}

    def add(self, job, check, passed):
        kind = check.split("/")[-1]
        cell = self.cells.setdefault(job.case, {}).setdefault(job.version, [0, 0, 0])
        if kind in ("finding", "grown", "mixed"):
            cell[0] += 1
            cell[1] += passed
        elif kind in ("silent", "healthy", "innocent"):
            cell[2] += not passed

    def lines(self):
        yield "| expected found wrong | " + " | ".join(self.versions) + " |"
        yield "| --- " * (len(self.versions) + 1) + "|"
        for case, cells in sorted(self.cells.items()):
            row = ["{} {} {}".format(*cells[v]) if v in cells else "" for v in self.versions]
            yield f"| {case} | " + " | ".join(row) + " |"


if __name__ == "__main__":
    sys.exit(truth.run_jobs("findings", __doc__.split("\n\n")[-1], QUICK_VERSIONS, jobs, Table,
                            WORKERS, prints_table=True))
