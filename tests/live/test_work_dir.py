#!/usr/bin/env python3
"""--work-dir: a heap whose tables are larger than the memory at hand (a resource limit here) is refused
without it, and gives the same report with it; a disk that is too small, or full in the middle, is an
error, and the target runs on.

Environment: LEAKHOUND (the binary), LEAKHOUND_CACHE (its go/ has the toolchains).
"""
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import truth
from truth import Program, Wrong, expect

OBJECTS, BYTES = 3000000, 200 << 20
DATA_LIMIT = 96 << 20  # 3 million objects may need 114 MiB
SANITIZED = bool(truth.QUICK)  # the sanitizers' own memory does not fit any limit


def limit_data():
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_LIMIT, DATA_LIMIT))


def run(program, *options):
    return truth.leakhound("inspect", program.pid, "--format", "json", "--threads", 2, *options,
                           preexec_fn=limit_data)


def facts(text):
    report = json.loads(text)
    report["memory"].pop("rss_bytes")
    report["memory"].pop("lazyfree_bytes")
    return {key: report[key] for key in ("memory", "counts", "holders", "shared", "types")}


def refused(program, _):
    done = run(program)
    expect("exit status", 3, done.returncode)
    if b"--work-dir" not in done.stderr or b"MiB are at hand" not in done.stderr:
        raise Wrong(f"the refusal says {done.stderr!r}")


def same_report(program, folder):
    plain = truth.leakhound("inspect", program.pid, "--format", "json", "--threads", 2)
    done = run(program, "--work-dir", folder)
    expect("exit status", 0, done.returncode)
    if facts(plain.stdout) != facts(done.stdout):
        raise Wrong("the report from arrays on disk is another one")
    expect("files left", [], os.listdir(folder))


def no_folder(program, folder):
    done = run(program, "--work-dir", folder / "missing")
    expect("exit status", 3, done.returncode)
    if b"--work-dir" not in done.stderr:
        raise Wrong(f"the refusal says {done.stderr!r}")


def small_disk(program, disk):
    subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
    done = run(program, "--work-dir", disk)
    expect("exit status", 3, done.returncode)
    if b"20 MiB free" not in done.stderr:
        raise Wrong(f"the refusal says {done.stderr!r}")


def full_disk(program, disk):
    subprocess.run(["mount", "-o", "remount,size=400m", disk], check=True)
    process = subprocess.Popen([truth.LEAKHOUND, "inspect", str(program.pid), "--work-dir", disk],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               preexec_fn=limit_data)
    deadline = time.monotonic() + 120
    while os.statvfs(disk).f_bfree == os.statvfs(disk).f_blocks and process.poll() is None:
        if time.monotonic() > deadline:
            raise Wrong("nothing was ever written to the disk")
        time.sleep(0.001)
    process.send_signal(signal.SIGSTOP)
    with open(disk / "filler", "wb") as filler:
        try:
            while True:
                filler.write(bytes(1 << 20))
                filler.flush()
        except OSError:
            pass
    process.send_signal(signal.SIGCONT)
    complaint = process.communicate(timeout=120)[1]
    os.unlink(disk / "filler")
    expect("end", -signal.SIGTERM, process.returncode)
    if b"the disk of the --work-dir is full" not in complaint:
        raise Wrong(f"it says {complaint!r}")


def main():
    versions = truth.versions()
    if not versions:
        print("skip work_dir: no Go toolchain at hand")
        return 0
    if SANITIZED:
        print("skip work_dir: the sanitizers need more memory than any limit leaves")
        return 0
    failed = False
    with tempfile.TemporaryDirectory(prefix="leakhound-work-") as folder:
        folder = Path(folder)
        path, disk, empty = folder / "bench-heap", folder / "disk", folder / "empty"
        disk.mkdir()
        empty.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "none", disk],
                                 stderr=subprocess.DEVNULL, check=False).returncode == 0
        try:
            truth.build(versions[-1], "stripped", "bench-heap", path)
            with Program(path, "-objects", OBJECTS, "-bytes", BYTES) as program:
                for test in (refused, same_report, no_folder, small_disk, full_disk):
                    name = f"work_dir/{test.__name__}"
                    needs_disk = test in (small_disk, full_disk)
                    if needs_disk and not mounted:
                        print(f"skip {name}: no file system can be mounted here")
                        continue
                    try:
                        test(program, disk if needs_disk else empty)
                        if not program.runs():
                            raise Wrong("the target does not run on")
                        print(f"ok {name}", flush=True)
                    except (Wrong, OSError, ValueError, LookupError, subprocess.SubprocessError) as problem:
                        failed = True
                        text = problem if isinstance(problem, Wrong) else repr(problem)
                        print(f"FAIL {name}: {text}", flush=True)
        finally:
            if mounted:
                subprocess.run(["umount", disk], check=False)
    return failed


if __name__ == "__main__":
    sys.exit(main())
