#!/usr/bin/env python3
"""Cores that leakhound writes of Go programs: read back by leakhound and delve.

usage: test_core_write_go.py
Environment: LEAKHOUND, LEAKHOUND_CACHE, LEAKHOUND_QUICK=1 (two Go versions, fewer signals).

A program that is to be compared stands still (SIGSTOP): then the reports of the process and of its
core must agree to the last byte.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import truth
from elf_core import Skip, check_file, check_tools, failed, goes_on, halt, run_test, write_core
from truth import QUICK, Program, build, expect, inspect, leakhound

COMPARED = ("memory", "counts", "holders", "types", "goroutine_groups")


def test_report(scratch, version, mode, name, freeze):
    """The report of the core is that of the process."""
    path = build(version, mode, name, scratch / f"{name}-{version}-{mode}")
    with Program(path) as program:
        halt(program.pid)
        live = inspect(program.pid, "--freeze", "stop")
        core_path = write_core(program.pid, scratch / "core.go", "--freeze", freeze)
        report = inspect(core_path)
        expect("pid", program.pid, report["target"]["pid"])
        for part in COMPARED:
            expect(part, without_kernel(live[part]), without_kernel(report[part]))
        wrong = check_file(program.pid, core_path)
        size = core_path.stat()
        if size.st_blocks * 512 >= size.st_size:
            wrong = f"{size.st_size} bytes, {size.st_blocks * 512} on disk"
        os.kill(program.pid, signal.SIGCONT)
        return wrong or goes_on(program.pid) or (program.ask() and None)


def without_kernel(part):
    """Without what only a running process has: the kernel's view of its memory, and the time."""
    if isinstance(part, list):
        return [without_kernel(entry) for entry in part]
    of_kernel = ("rss_bytes", "limit_bytes", "lazyfree_bytes", "off_heap_bytes", "longest_wait_ns")
    return {key: value for key, value in part.items() if key not in of_kernel}


def test_running(scratch, version):
    """A busy program, never stopped by us, frozen in the usual way: the core is consistent."""
    path = build(version, "normal", "busy", scratch / f"busy-{version}")
    with Program(path) as program:
        for i in range(2 if QUICK else 4):
            core_path = write_core(program.pid, scratch / "core.busy")
            report = inspect(core_path)
            if report["counts"]["goroutines"] < 20 or not report["holders"]:
                return f"core {i}: {report['counts']}"
            wrong = check_tools(core_path) or goes_on(program.pid)
            if wrong:
                return wrong
        return program.ask() and None


def test_delve(scratch, version):
    if not shutil.which("dlv"):
        raise Skip("no dlv (Debian's package delve)")
    path = build(version, "normal", "holder-goroutine-stack", scratch / f"delve-{version}")
    with Program(path) as program:
        told = program.ask()
        core_path = write_core(program.pid, scratch / "core.delve")
    commands = scratch / "commands"
    commands.write_text("goroutines -with user\nexit\n")
    done = subprocess.run(["dlv", "core", path, core_path, "--init", commands,
                           "--allow-non-terminal-interactive=true"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
                          check=False, env={**os.environ, "HOME": str(scratch)})
    shown = done.stdout.decode("utf-8", "replace")
    count = re.search(r"\[(\d+) goroutines\]", shown)
    if not count:
        return f"dlv shows no goroutines: {shown[-200:]!r}"
    expect("goroutines", told["num_goroutine"], int(count.group(1)))
    return None


def test_without_executable(scratch, version):
    """--with-files, and an executable that is gone already: the core has all of it."""
    built = build(version, "normal", "holder-tree", scratch / f"tree-{version}")
    path = scratch / "moved"
    shutil.copy(built, path)
    with Program(path) as program:
        halt(program.pid)
        live = inspect(program.pid, "--freeze", "stop")
        whole = write_core(program.pid, scratch / "core.whole", "--with-files")
        lean = write_core(program.pid, scratch / "core.lean")
        path.unlink()
        removed = write_core(program.pid, scratch / "core.removed")
    refused = leakhound(lean)
    if refused.returncode != 3 or b"--exe" not in refused.stderr:
        return f"without the executable: {refused.returncode}, {refused.stderr!r}"
    for core_path in (whole, removed):
        report = inspect(core_path)
        for what in ("objects", "garbage_objects", "edges", "goroutines"):
            expect(f"{what} of {core_path.name}", live["counts"][what], report["counts"][what])
        expect("live bytes", live["memory"]["heap_live_bytes"],
               report["memory"]["heap_live_bytes"])
    return None


def test_cut_while_read(scratch, version, *command):
    """Somebody truncates the core that is being read: an error, no crash, no wrong result."""
    path = build(version, "normal", "holder-global-map", scratch / f"cut-{version}")
    with Program(path) as program:
        whole = write_core(program.pid, scratch / "core.cut")
    noticed, made = 0, scratch / "made"
    if command[0] == "snapshot":
        command = (*command, "-o", made)
    for delay in (0.0, 0.01, 0.02, 0.05, 0.1, 0.2):
        cut = scratch / "core.being-cut"
        shutil.copy(whole, cut)
        child = subprocess.Popen([truth.LEAKHOUND, *command, cut], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        time.sleep(delay)
        os.truncate(cut, 64 << 10)
        output, complaint = child.communicate(timeout=300)
        output = output or made.exists()
        made.unlink(missing_ok=True)
        if child.returncode == 0 and output and not complaint:
            continue  # it was done before
        if child.returncode != 3 or output or complaint.count(b"\n") != 1:
            return f"after {delay} s: exit status {child.returncode}, {complaint!r}"
        noticed += b"changed while it was read" in complaint
    return None if noticed else "no truncation met a reader"


def test_ends_meanwhile(scratch, version, freeze):
    """The process is killed while it is copied: a whole core of the forked copy, or none."""
    path = build(version, "normal", "busy", scratch / f"ends-{version}")
    folder = scratch / f"ends-{freeze}"
    folder.mkdir()
    for delay in (0.01, 0.03) if QUICK else (0.005, 0.01, 0.02, 0.03, 0.05, 0.08):
        with Program(path) as program:
            child = subprocess.Popen([truth.LEAKHOUND, "core", str(program.pid), "-o",
                                      folder / "core", "--freeze", freeze],
                                     stderr=subprocess.PIPE)
            time.sleep(delay)
            program.process.kill()
            said = child.communicate(timeout=300)[1]
        if child.returncode == 0:
            inspect(folder / "core")
            (folder / "core").unlink()
        elif child.returncode != 3 or said.count(b"\n") != 1:
            return f"after {delay} s: exit status {child.returncode}, {said!r}"
        if list(folder.iterdir()):
            return f"after {delay} s: left {list(folder.iterdir())}"
    return None


def test_signals(scratch, pid):
    """A signal at any moment: no file, and the process goes on."""
    folder = scratch / "signals"
    folder.mkdir()
    interrupted = 0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        for delay in (0.005, 0.05) if QUICK else (0.002, 0.005, 0.01, 0.02, 0.05, 0.1):
            child = subprocess.Popen([truth.LEAKHOUND, "core", str(pid), "-o", folder / "core"],
                                     stderr=subprocess.DEVNULL)
            time.sleep(delay)
            child.send_signal(number)
            status = child.wait()
            if status == 0:
                (folder / "core").unlink()
                continue
            if status != -number:
                return f"exit status {status} after signal {number}"
            interrupted += 1
            left = list(folder.iterdir())
            if number == signal.SIGKILL:  # nobody can clean up, but the name must not be there
                if (folder / "core").exists():
                    return "SIGKILL left a core under its name"
                for path in left:
                    path.unlink()
            elif left:
                return f"signal {number} left {left}"
            wrong = goes_on(pid)
            if wrong:
                return wrong
    return None if interrupted else "no signal came early enough"


def main():
    versions = truth.versions()
    if not os.access(truth.LEAKHOUND, os.X_OK) or not versions:
        print(f"skip core-write-go: no {truth.LEAKHOUND if versions else 'Go toolchain'}")
        return 0
    with tempfile.TemporaryDirectory(prefix="leakhound-") as folder:
        scratch = Path(folder)
        for version in [versions[0], versions[-1]] if QUICK else versions:
            run_test(f"core-write/report-{version}", test_report, scratch, version, "normal",
                     "holder-global-map", "fork")
        newest = versions[-1]
        run_test("core-write/report-pie", test_report, scratch, newest, "pie", "holder-sync-map",
                 "stop")
        run_test("core-write/report-busy", test_report, scratch, newest, "stripped", "busy", "fork")
        run_test("core-write/running", test_running, scratch, newest)
        run_test("core-write/without-executable", test_without_executable, scratch, newest)
        run_test("core-write/ends-meanwhile-fork", test_ends_meanwhile, scratch, newest, "fork")
        run_test("core-write/ends-meanwhile-stop", test_ends_meanwhile, scratch, newest, "stop")
        for command in (("inspect", "--top", "1"), ("snapshot", "-q")):
            run_test(f"core-write/cut-while-read/{command[0]}", test_cut_while_read, scratch, newest,
                     *command)
        # Debian 12's delve reads Go 1.18 to 1.20, Debian 13's newer ones too.
        if "1.19" in versions:
            run_test("core-write/delve", test_delve, scratch, "1.19")
        else:
            print("skip core-write/delve: no Go 1.19")
        path = build(newest, "normal", "busy", scratch / "busy")
        with Program(path) as program:
            run_test("core-write/signals", test_signals, scratch, program.pid)
    return 1 if failed else 0


sys.exit(main())
