#!/usr/bin/env python3
"""Freezing by a forked copy, seen from the target: it must not notice.

zoo/under-load judges itself (requests, timers, signals, children, ends of files, memory, with cgo
also threads of C) and ends with status 3 when anything is wrong. It is frozen again and again, on
every Go version at hand, while leakhound or the process that forks it is killed, under filters and
limits, as process 1 of a container, stopped.

usage: test_freeze.py [--only VERSION[,VERSION...]] [--match TEXT]
Environment: as scripts/test says; LEAKHOUND_FREEZES = freezes per version and build (25),
LEAKHOUND_KILLS = kills of each kind (20). scripts/soak sets them high.
"""
import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import truth
from truth import Program, Wrong, expect

FREEZES = int(os.environ.get("LEAKHOUND_FREEZES", "5" if truth.QUICK else "25"))
KILLS = int(os.environ.get("LEAKHOUND_KILLS", "5" if truth.QUICK else "20"))
QUICK_VERSIONS = ("1.15", "1.26")
COPIER = "lh-copier"
FORK = ("--freeze", "fork", "--quiet")
UNREADABLE = 3
SECONDS = 300


class Skip(Exception):
    """Why a test cannot be made here."""


def run(pid, *options, before=(), freeze=FORK):
    return subprocess.run([*before, truth.LEAKHOUND, "inspect", str(pid), *freeze, "--format", "json",
                           *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=SECONDS, check=False)


def freeze(pid, *options):
    """One run that must succeed; the target of its report."""
    done = run(pid, *options)
    if done.returncode or done.stderr:
        raise Wrong(f"exit status {done.returncode}: {done.stderr.decode('utf-8', 'replace')[-300:]}")
    target = json.loads(done.stdout)["target"]
    expect("freeze", "fork", target["freeze"])
    if not target["stopped_ns"] or not target["copy_bytes"]:
        raise Wrong(f"the report does not say what the freeze took: {target}")
    return target


def refused(pid, words, *options, before=()):
    """One run that must be refused, with a reason and with what to do instead."""
    done = run(pid, *options, before=before)
    said = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode != UNREADABLE or done.stdout:
        raise Wrong(f"exit status {done.returncode} instead of {UNREADABLE}: {said[-300:]}")
    for word in (*words, "--freeze=stop", "--freeze=none"):
        if word not in said:
            raise Wrong(f"the refusal lacks {word!r}: {said[-400:]}")


def status_of(pid):
    return Path(f"/proc/{pid}/status").read_text()


def children_of(pid):
    """(pid, exit signal, state) of each child of any thread. A program's own children announce
    their end by SIGCHLD; what does not is a copy."""
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            for child in (thread / "children").read_text().split():
                fields = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()
                found.append((int(child), int(fields[35]), fields[0]))
        except OSError:
            continue  # it ended just now
    return found


def copies_of(pid):
    return [child for child in children_of(pid) if child[1] == 0]


def memory_of(pid):
    return int(re.search(r"RssAnon:\s+(\d+)", status_of(pid))[1]) << 10


def descriptors_of(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def must_be_well(program):
    """It lives, runs, works, has no copy, and nothing of ours is left in it."""
    before = program.ask()
    deadline = time.monotonic() + 60
    while program.ask()["checks"] <= before["checks"]:
        if time.monotonic() > deadline:
            raise Wrong("it does no work any more")
        time.sleep(0.01)
    if program.process.poll() is not None:
        raise Wrong(f"it ended with {program.process.returncode}: {program.complaints()}")
    status = status_of(program.pid)
    if "TracerPid:\t0\n" not in status or re.search(r"^State:\t[tTZX]", status, re.M):
        raise Wrong("it is left stopped or traced")
    left = copies_of(program.pid)
    if left:
        raise Wrong(f"copies are left: {left}")


@contextmanager
def loaded(path, *arguments, before=()):
    with Program(*before, path, *arguments) as program:
        try:
            yield program
        except Exception as problem:
            if program.process.poll() is not None:
                raise Wrong(f"it ended with {program.process.returncode}: {program.complaints()}"
                            ) from problem
            raise


def blocking_threads(pid):
    """The threads that block every signal; a borrowed one must have its own mask back."""
    found = set()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            if "SigBlk:\tfffffffffffbfeff\n" in (thread / "status").read_text():
                found.add(thread.name)
        except OSError:
            continue
    return found


def must_take_signals(pid):
    """Go blocks all signals for moments, too."""
    found = blocking_threads(pid)
    for _ in range(50):
        if not found:
            return
        time.sleep(0.01)
        found &= blocking_threads(pid)
    raise Wrong(f"threads {sorted(found)} are left with all signals blocked")


def tool(name):
    path = Path(os.environ.get("LEAKHOUND_BUILD", "")) / "tests" / f"test-tool-{name}"
    if not os.access(path, os.X_OK):
        raise Skip(f"there is no {path}")
    return path


def freezes(path):
    """Frozen over and over, asked by a signal meanwhile; afterwards it is as before."""
    with loaded(path) as program:
        freeze(program.pid)
        before = program.ask()
        descriptors, memory = descriptors_of(program.pid), memory_of(program.pid)
        for number in range(3):
            run_meanwhile(program, [truth.LEAKHOUND, "inspect", str(program.pid), *FORK], number)
        loop = run_meanwhile(program, [tool("freeze_loop"), str(program.pid), str(FREEZES)], "loop")
        must_be_well(program)
        after = program.ask()
        print(f"   {path.name}: stopped for {loop['mean_us'] / 1000:.1f} ms on average and"
              f" {loop['most_us'] / 1000:.1f} ms at most in {FREEZES} freezes", file=sys.stderr)
        for what in ("requests", "timers", "signals", "ends"):
            if after[what] <= before[what]:
                raise Wrong(f"no more {what}")
        # Go's client gives a connection up when its writer was late by 50 ms.
        made, asked = (after[what] - before[what] for what in ("connections", "requests"))
        if made > 3 + asked // 50:
            raise Wrong(f"its clients made {made} new connections for {asked} requests")
        if after["sigchld"] > after["children"] + 1:  # Go 1.23 has one of its own
            raise Wrong(f"SIGCHLD came {after['sigchld']} times for {after['children']} children")
        if descriptors_of(program.pid) > descriptors + 8:
            raise Wrong(f"{descriptors_of(program.pid)} descriptors, {descriptors} before")
        if memory_of(program.pid) > 2 * memory + (64 << 20):
            raise Wrong(f"{memory_of(program.pid)} bytes of memory, {memory} before")
        must_take_signals(program.pid)


def run_meanwhile(program, command, number):
    """Runs a command that freezes the program; a signal to it at any moment must be answered.
    Gives what the command tells in JSON."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE)
        while process.poll() is None:
            program.ask()
            time.sleep(random.random() * 0.03)
        said = process.stderr.read()
        process.stderr.close()
        if process.returncode or said:
            raise Wrong(f"freeze {number}: exit status {process.returncode}: {said[-300:]!r}")
        output.seek(0)
        text = output.read()
        return json.loads(text) if text.startswith(b"{") else None


def child_named(pid, name):
    for child, _, _ in children_of(pid):
        try:
            if Path(f"/proc/{child}/comm").read_text().strip() == name:
                return child
        except OSError:
            continue
    return None


def killed(path, with_copier):
    """leakhound is killed at any moment; the next run cleans up."""
    with loaded(path) as program:
        for _ in range(KILLS):
            process = subprocess.Popen([truth.LEAKHOUND, "inspect", str(program.pid), *FORK],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            copier, deadline = None, time.monotonic() + 5
            while with_copier and not copier and process.poll() is None and time.monotonic() < deadline:
                copier = child_named(process.pid, COPIER)
            time.sleep(random.choice((0, 0.0005, 0.002, 0.005, 0.02, 0.1)) * random.random())
            if copier:
                try:
                    os.kill(copier, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            process.kill()
            process.wait()
            program.ask()
        if not with_copier:  # that one cleans up by itself, soon
            deadline = time.monotonic() + 30
            while copies_of(program.pid) and time.monotonic() < deadline:
                time.sleep(0.02)
        else:  # a copy dies with its copier, as soon as it gets a processor for that
            deadline = time.monotonic() + 30
            while any(state != "Z" for _, _, state in copies_of(program.pid)) and time.monotonic() < deadline:
                time.sleep(0.02)
            freeze(program.pid)
        must_be_well(program)
        freeze(program.pid)


def tool_killed(path):
    killed(path, False)


def all_killed(path):
    killed(path, True)


def target_killed(path):
    """The target dies at any moment: a clear error, or a whole report."""
    statuses = set()
    for delay in (0, 0.003, 0.006, 0.01, 0.015, 0.03, 0.06, 0.1, 0.2)[::3 if truth.QUICK else 1]:
        with Program(path) as program:
            process = subprocess.Popen([truth.LEAKHOUND, "inspect", str(program.pid), *FORK],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            time.sleep(delay)
            program.process.kill()
            program.process.wait(60)
            said = process.communicate(timeout=SECONDS)[1].decode("utf-8", "replace")
            statuses.add(process.returncode)
            if process.returncode not in (0, UNREADABLE):
                raise Wrong(f"after {delay} s: exit status {process.returncode}: {said[-300:]}")
            if process.returncode and str(program.pid) not in said:
                raise Wrong(f"after {delay} s: it does not say whose fault it is: {said[-300:]}")


def two_at_once(path):
    """Two runs want the same target: one waits for the other, both report."""
    with loaded(path) as program:
        for _ in range(2 if truth.QUICK else 6):
            runs = [subprocess.Popen([truth.LEAKHOUND, "inspect", str(program.pid), *FORK],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)]
            for one in runs:
                said = one.communicate(timeout=SECONDS)[1]
                if one.returncode:
                    raise Wrong(f"exit status {one.returncode}: {said[-300:]!r}")
        must_be_well(program)


def process_one(path):
    """The target is process 1 of its pid namespace, and everybody's last parent there."""
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    probe = subprocess.run([*unshare, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if probe.returncode:
        raise Skip("unshare: " + probe.stderr.decode("utf-8", "replace").strip())
    with Program(*unshare, path) as outer:
        inner = children_of(outer.pid)[0][0]
        expect("its own pid", 1, outer.truth["pid"])
        for _ in range(5):
            freeze(inner)
        checks = int(outer.truth["checks"])
        os.kill(inner, signal.SIGUSR1)
        after = outer.next_truth()
        if after["checks"] <= checks or copies_of(inner):
            raise Wrong(f"checks {checks}, then {after['checks']}; copies left: {copies_of(inner)}")
        os.kill(inner, signal.SIGKILL)


def was_stopped(path):
    """A target that somebody has stopped stays stopped, and is frozen all the same."""
    with loaded(path) as program:
        os.kill(program.pid, signal.SIGSTOP)
        deadline = time.monotonic() + 30
        while "\nState:\tT" not in status_of(program.pid) and time.monotonic() < deadline:
            time.sleep(0.005)
        for _ in range(3):
            freeze(program.pid)
            time.sleep(0.05)
            if not re.search(r"^State:\tT", status_of(program.pid), re.M):
                raise Wrong("it is not stopped any more")
        expect("copies", [], copies_of(program.pid))
        os.kill(program.pid, signal.SIGCONT)
        must_be_well(program)


def pause_limit(path):
    """--max-pause refuses beforehand, and only what would take longer."""
    with loaded(path) as program:
        refused(program.pid, ("--max-pause",), "--max-pause", "10us")
        freeze(program.pid, "--max-pause", "60s")
        wrong = run(program.pid, "--max-pause", "1s", freeze=("--freeze", "stop"))
        expect("exit status of --max-pause with --freeze=stop", 2, wrong.returncode)
        must_be_well(program)


def filtered(_, busy):
    """A seccomp filter forbids what the freeze needs: with CAP_SYS_ADMIN the kernel looks away,
    without it the run is refused. Neither must harm the target."""
    without = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"]
    for answer in ("errno", "kill"):
        with Program(tool("with_filter"), answer, busy) as program:
            if os.geteuid() == 0:
                for _ in range(3):
                    freeze(program.pid)
                if subprocess.run([*without, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
                    refused(program.pid, ("seccomp", "CAP_SYS_ADMIN"), before=without)
                stopped = run(program.pid, before=without, freeze=("--freeze", "stop"))
                expect("exit status of --freeze=stop", 0, stopped.returncode)
            else:
                refused(program.pid, ("seccomp", "CAP_SYS_ADMIN"))
            must_be_well(program)


@contextmanager
def control_group(controller, limit_file):
    """A control group of version 1 or 2 below the own one."""
    folder = None
    for base in (Path("/sys/fs/cgroup") / controller, Path("/sys/fs/cgroup")):
        folder = base / f"leakhound-test-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            folder = None
            continue
        if (folder / limit_file[base.name == "cgroup"]).exists():
            break
        folder.rmdir()
        folder = None
    if not folder:
        raise Skip("no control group can be made here")
    try:
        yield folder, folder / limit_file[folder.parent.name == "cgroup"]
    finally:
        for _ in range(100):
            try:
                folder.rmdir()
                break
            except OSError:
                time.sleep(0.05)


def join_group(folder, pid):
    try:
        (folder / "cgroup.procs").write_text(str(pid))
    except OSError as problem:
        raise Skip(f"no process can be moved to a control group: {problem}") from problem


def memory_limit(path):
    """The copy's memory is the target's: no copy where the limit is near."""
    with control_group("memory", ("memory.limit_in_bytes", "memory.max")) as (folder, limit), \
            loaded(path, "-heap", "200") as program:
        join_group(folder, program.pid)
        limit.write_text(str(1 << 30))
        freeze(program.pid)
        # Pages that were charged elsewhere before count only as they are touched.
        used = int((folder / ("memory.current" if limit.name == "memory.max" else
                              "memory.usage_in_bytes")).read_text())
        limit.write_text(str(used + (8 << 20)))
        refused(program.pid, ("control group", str(folder), "MiB"))
        limit.write_text(str(1 << 30))
        freeze(program.pid)
        must_be_well(program)


def task_limit(path):
    """A Go program that gets no thread dies: no copy where that is near."""
    with control_group("pids", ("pids.max", "pids.max")) as (folder, limit), loaded(path) as program:
        join_group(folder, program.pid)
        freeze(program.pid)
        limit.write_text(str(int((folder / "pids.current").read_text()) + 6))
        try:
            refused(program.pid, ("pids.max",))
        finally:
            limit.write_text("max")
        freeze(program.pid)
        must_be_well(program)


def big_heap(path):
    """A gigabyte stands still for milliseconds. The clock of the target is late for other reasons,
    too, on a machine with much to do; so the limit is loose, and the numbers are printed."""
    with loaded(path, "-heap", "1024") as program:
        program.ask()
        time.sleep(1)
        idle = program.ask()["gap_us"] / 1000
        target = freeze(program.pid)
        gap = program.ask()["gap_us"] / 1000
        stopped = target["stopped_ns"] / 1e6
        print(f"   a heap of {memory_of(program.pid) >> 20} MiB stood still for {stopped:.1f} ms; its"
              f" clock was late by {gap:.1f} ms at most, by {idle:.1f} ms before; the copy took"
              f" {target['copy_bytes'] >> 20} MiB", file=sys.stderr)
        if stopped > 1000:
            raise Wrong(f"it stood still for {stopped:.0f} ms")
        must_be_well(program)


def jobs(versions, folder):
    """(name, function, arguments)"""
    def built(version, mode, program="under-load"):
        path = folder / f"{program}-{version}-{mode}"
        if not path.exists():
            try:
                truth.build(version, mode, program, path)
            except Wrong as problem:
                if mode == "cgo":
                    raise Skip(f"no build with C: {str(problem)[-200:]}") from problem
                raise
        return path

    def job(test, version, mode="normal", *programs):
        return (f"{test.__name__.replace('_', '-')}/{version}-{mode}",
                lambda: test(built(version, mode), *(built(version, "normal", p) for p in programs)))

    for version in versions:
        for mode in ("normal", "cgo"):
            if mode == "cgo" or not truth.QUICK:
                yield job(freezes, version, mode)
    for version in dict.fromkeys((versions[0], versions[-1])):
        yield job(tool_killed, version, "cgo")
        yield job(all_killed, version, "cgo")
    newest = versions[-1]
    for test in (target_killed, two_at_once, process_one, was_stopped, pause_limit, memory_limit, task_limit):
        yield job(test, newest)
    yield job(filtered, newest, "normal", "busy")
    if not truth.QUICK:
        yield job(big_heap, newest)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[-1])
    parser.add_argument("--only", default="")
    parser.add_argument("--match", default="")
    arguments = parser.parse_args()
    versions = [v for v in truth.versions() if not arguments.only or v in arguments.only.split(",")]
    if truth.QUICK:
        versions = [v for v in versions if v in QUICK_VERSIONS] or versions[-1:]
    if not os.access(truth.LEAKHOUND, os.X_OK) or not versions:
        print(f"skip freeze: {'no Go toolchain' if not versions else 'no ' + truth.LEAKHOUND}")
        return 0
    failed = False
    with tempfile.TemporaryDirectory(prefix="leakhound-freeze-") as folder:
        for name, test in jobs(versions, Path(folder)):
            if arguments.match not in name:
                continue
            try:
                test()
                print(f"ok {name}", flush=True)
            except Skip as reason:
                print(f"skip {name}: {reason}", flush=True)
            except (Wrong, OSError, subprocess.SubprocessError, ValueError, KeyError) as problem:
                failed = True
                print(f"FAIL {name}: {problem}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
