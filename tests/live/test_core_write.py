#!/usr/bin/env python3
"""Cores that leakhound writes of C programs: read by gdb, readelf and byte by byte.

usage: test_core_write.py
Environment: LEAKHOUND, LEAKHOUND_QUICK=1 (without the program of very many mappings).

A program that is to be compared stands still (SIGSTOP): then its core, its /proc/PID/mem and its
registers must agree to the last bit.
"""
import os
import re
import resource
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import truth
from elf_core import (PAGE, Core, Skip, check_file, check_tools, failed, goes_on, halt, run_test,
                      same_memory, tool, verdict, write_core)
from truth import QUICK, Wrong, expect, leakhound

THREADS = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *idle(void *argument)
{
    for (;;)
        pause();
    return argument;
}

int main(int count, char **arguments)
{
    for (int i = 0; count > 1 && i < atoi(arguments[1]); i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, idle, NULL))
            return 1;
    }
    puts("ready");
    fflush(stdout);
    idle(NULL);
}
"""

# Memory of every kind. Prints the addresses that the test looks at.
MEMORY = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
static char initialised[4 * 4096] = {1};
static char never_written[4 * 4096];

static char *take(size_t size, int access, int flags, int file)
{
    char *memory = mmap(NULL, size, access, flags, file, 0);
    if (memory == MAP_FAILED)
        exit(1);
    madvise(memory, size, MADV_NOHUGEPAGE);
    return memory;
}

int main(int count, char **arguments)
{
    int both = PROT_READ | PROT_WRITE, own = MAP_PRIVATE | MAP_ANONYMOUS;
    initialised[4096] = 2;
    char *dotted = take(16 * MIB, both, own, -1); /* every eighth page */
    for (size_t i = 0; i < 16 * MIB; i += 8 * 4096)
        memset(dotted + i, (int)(i / 4096 % 255) + 1, 4096);
    char *zeros = take(64 * MIB, both, own, -1);
    memset(zeros, 0, 64 * MIB);
    zeros[40 * MIB] = 7;
    char *huge = take(64 * 1024 * MIB, both, own | MAP_NORESERVE, -1); /* almost nothing of it */
    huge[0] = huge[20 * 1024 * MIB + 5] = huge[64 * 1024 * MIB - 1] = 9;
    char *shared = take(MIB, both, MAP_SHARED | MAP_ANONYMOUS, -1);
    memset(shared + 8192, 's', 3 * 4096);
    char *guard = take(MIB, PROT_NONE, own, -1);
    char *secret = take(MIB, both, own, -1);
    memset(secret, 'k', MIB);
    madvise(secret, MIB, MADV_DONTDUMP);
    int file = open(arguments[1], O_RDWR);
    char *clean = take(MIB, PROT_READ, MAP_PRIVATE, file);
    char *dirty = take(MIB, both, MAP_PRIVATE, file);
    dirty[5 * 4096] = '!';
    char *file_shared = take(MIB, both, MAP_SHARED, file);
    file_shared[0] = 'f';
    volatile char sum = (char)(clean[0] + never_written[0]);
    (void)sum;
    size_t many = count > 2 ? (size_t)atol(arguments[2]) : 0;
    char *sparse = many ? take(many * (MIB + 4096), both, own | MAP_NORESERVE, -1) : NULL;
    for (size_t i = 0; i < many; i++)
        sparse[i * (MIB + 4096)] = 1;
    printf("ready dotted=%p zeros=%p huge=%p shared=%p guard=%p secret=%p clean=%p dirty=%p "
           "file_shared=%p\n", dotted, zeros, huge, shared, guard, secret, clean, dirty,
           file_shared);
    fflush(stdout);
    for (;;)
        pause();
}
"""


class CProgram:
    """A compiled program that has said "ready"; .told has the rest of that line."""

    def __init__(self, path, *arguments, preexec=None):
        self.process = subprocess.Popen([path, *map(str, arguments)], stdout=subprocess.PIPE,
                                        preexec_fn=preexec)
        self.pid = self.process.pid
        line = self.process.stdout.readline().decode()
        if not line.startswith("ready"):
            self.stop()
            raise Wrong("the program did not start")
        self.told = {k: int(v, 16) for k, v in re.findall(r"(\w+)=(0x\w+)", line)}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def compile_c(source, scratch, name, *options):
    path = scratch / name
    done = subprocess.run(["cc", "-O1", "-pthread", *options, "-x", "c", "-", "-o", path],
                          input=source.encode(), stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise Wrong(f"cc: {done.stderr.decode()[-200:]}")
    return path


def test_memory_kinds(scratch, freeze):
    path = compile_c(MEMORY, scratch, "memory")
    data = scratch / "data"
    data.write_bytes(b"d" * (1 << 20))
    with CProgram(path, data) as program:
        halt(program.pid)
        core_path = write_core(program.pid, scratch / "core.memory", "--freeze", freeze)
        at = program.told
        wrong = check_file(program.pid, core_path) or check_tools(core_path)
        size = core_path.stat()
        with Core(core_path) as core:
            seen = {name: core.byte(at[name] + offset) for name, offset in (
                ("zeros", 40 << 20), ("shared", 8192), ("dirty", 5 * PAGE), ("clean", PAGE),
                ("secret", 0), ("guard", 0), ("file_shared", 0), ("dotted", 8 * PAGE))}
            seen["huge"] = [core.byte(at["huge"] + o) for o in (0, (20 << 30) + 5, (64 << 30) - 1)]
        if not wrong:
            expect("bytes", {"zeros": 7, "shared": ord("s"), "dirty": ord("!"), "clean": None,
                             "secret": None, "guard": None, "file_shared": None, "dotted": 9,
                             "huge": [9, 9, 9]}, seen)
            # 16 MiB with an eighth of its pages, 64 MiB of zeros, a few MiB of the rest.
            if size.st_size > 100 << 20 or size.st_blocks * 512 > 12 << 20:
                wrong = f"{size.st_size} bytes, {size.st_blocks * 512} on disk"
            if stat.S_IMODE(size.st_mode) != 0o600:
                wrong = f"mode {size.st_mode:o}"
        if not wrong:
            with_files = write_core(program.pid, scratch / "core.files", "--with-files",
                                    "--freeze", freeze)
            with Core(with_files) as core:
                expect("clean page", ord("d"), core.byte(at["clean"] + PAGE))
                expect("shared file", None, core.byte(at["file_shared"]))
                wrong = same_memory(program.pid, core)
        return wrong


def test_stream(scratch):
    """Standard output: a pipe gets the same bytes as a file, with the holes as zeros."""
    stop = ("--freeze", "stop")  # nothing of the process changes, so each core is like the others
    with CProgram(scratch / "memory", scratch / "data") as program:
        halt(program.pid)
        path = write_core(program.pid, scratch / "core.stream", *stop)
        done = leakhound("core", program.pid, "-o", "-", "--quiet", *stop)
        if done.returncode or done.stderr or done.stdout != path.read_bytes():
            return f"exit status {done.returncode}, {len(done.stdout)} bytes, {done.stderr[:99]!r}"
        with open(scratch / "appended", "w+b") as file:
            file.write(b"before")
            file.flush()
            leakhound_to(file, "core", program.pid, "-o", "-", *stop)
            file.seek(0)
            if file.read() != b"before" + done.stdout:
                return "a file behind standard output that has bytes already"
        with open(scratch / "redirected", "wb") as file:
            leakhound_to(file, "core", program.pid, "-o", "-", *stop)
        redirected = scratch / "redirected"
        if redirected.read_bytes() != done.stdout or \
                redirected.stat().st_blocks * 512 > redirected.stat().st_size // 2:
            return "an empty file behind standard output"
        with open("/dev/full", "wb") as full:
            failed = leakhound_to(full, "core", program.pid, "-o", "-", *stop)
            if failed.returncode != 3 or b"No space left" not in failed.stderr:
                return f"/dev/full: {failed.returncode}, {failed.stderr!r}"
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "wb") as closed:
            failed = leakhound_to(closed, "core", program.pid, "-o", "-", *stop)
        if failed.returncode != 3 or not failed.stderr:
            return f"closed pipe: {failed.returncode}"
    return None


def leakhound_to(file, *arguments):
    return subprocess.run([truth.LEAKHOUND, *map(str, arguments)], stdout=file,
                          stderr=subprocess.PIPE, timeout=300, check=False)


def test_many_segments(scratch):
    """More segments than e_phnum can count."""
    pages = 66000
    with CProgram(scratch / "memory", scratch / "data", pages) as program:
        path = write_core(program.pid, scratch / "core.segments")
        with Core(path) as core:
            if len(core.loads) < 2 * pages - 2:
                return f"{len(core.loads)} segments"
        shown = tool("readelf", "-lW", path)
        if shown.count(" LOAD ") < 2 * pages - 2 or "arning" in shown:
            return "readelf"
        expect("size", True, path.stat().st_size < 700 << 20)
        path.unlink()
        return goes_on(program.pid)


def frames(text):
    """[(thread, [(address or None, function)])] of gdb's "thread apply all bt"."""
    threads, current = {}, []
    for line in text.splitlines():
        head = re.match(r"Thread \d+ .*LWP (\d+)", line)
        frame = re.match(r"#(\d+) +(?:(0x[0-9a-f]+) in )?(\S+)", line)
        if head:
            current = threads.setdefault(int(head.group(1)), [])
        elif frame:
            current.append((frame.group(2), frame.group(3)))
    return threads


def gdb(*arguments):
    done = subprocess.run(["gdb", "-nx", "-batch", *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=300, check=False)
    return done.stdout.decode("utf-8", "replace")


def test_gdb(scratch, name, count, *options):
    """Threads and backtraces of the core are those of the process."""
    if not shutil.which("gdb"):
        raise Skip("no gdb")
    path = compile_c(THREADS, scratch, name, *options)
    with CProgram(path, count) as program:
        halt(program.pid)
        core_path = write_core(program.pid, scratch / f"core.{name}")
        wrong = check_file(program.pid, core_path) or check_tools(core_path)
        of_core = frames(gdb("-ex", "thread apply all bt", path, core_path))
        with Core(core_path) as core:
            pcs = {tid: pc for tid, pc, _ in core.threads()}
        expect("threads that gdb shows", sorted(pcs), sorted(of_core))
        shown = gdb("-ex", "thread apply all p/x $pc", "-ex", "thread", path, core_path)
        got = dict(zip((int(t) for t in re.findall(r"Thread \d+ .*LWP (\d+)\)+:", shown)),
                       (int(pc, 16) for pc in re.findall(r"\$\d+ = (0x\w+)", shown))))
        expect("program counters", pcs, got)
        if "Thread 1 " not in shown and f"LWP {program.pid}" not in shown.splitlines()[-1]:
            return f"the current thread: {shown.splitlines()[-1]}"
        if wrong or count > 100:
            return wrong
        of_process = frames(gdb("-p", program.pid, "-ex", "thread apply all bt"))
        expect("backtraces", of_process, of_core)
        if "main" not in [function for _, function in of_core[program.pid]]:
            return f"the backtrace of the main thread: {of_core[program.pid]}"
        return None


# --- what must not happen ---

def refused(name, status, words, *arguments, folder=None, preexec=None):
    done = subprocess.run([truth.LEAKHOUND, "core", *map(str, arguments)], cwd=folder,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, check=False,
                          preexec_fn=preexec)
    text = done.stderr.decode()
    wrong = None
    if done.returncode != status or done.stdout:
        wrong = f"exit status {done.returncode}: {text!r}"
    elif text.count("\n") != 1 or not text.startswith("leakhound: ") or words not in text:
        wrong = f"{text!r} lacks {words!r}"
    verdict(f"core-write/refuses-{name}", wrong)


def limit_file_size():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100 << 10, 100 << 10))


def test_refusals(scratch, pid):
    folder = scratch / "refusals"
    folder.mkdir()
    refused("no-pid", 2, "pid", "core.1")
    refused("no-process", 3, "4194303", "4194303", folder=folder)
    refused("no-freeze", 2, "registers", pid, "--freeze", "none", folder=folder)
    refused("folder", 3, "Is a directory", pid, "-o", folder)
    refused("no-folder", 3, "No such file", pid, "-o", folder / "no" / "x")
    refused("device", 3, "not a regular file", pid, "-o", "/dev/null")
    refused("file-too-large", 3, "File too large", pid, "-o", folder / "big",
            preexec=limit_file_size)
    os.mkfifo(folder / "fifo")
    refused("fifo", 3, "not a regular file", pid, "-o", folder / "fifo")
    (folder / "fifo").unlink()
    (folder / f"core.{pid}").write_text("an older core")
    refused("default-name-taken", 3, "is there already", pid, folder=folder)
    expect("untouched", "an older core", (folder / f"core.{pid}").read_text())
    (folder / f"core.{pid}").unlink()
    expect("nothing left", [], list(folder.iterdir()))
    done = subprocess.run([truth.LEAKHOUND, "core", str(pid), "-q"], cwd=folder, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    expect("quiet", (0, b"", b""), (done.returncode, done.stdout, done.stderr))
    expect("default name", [f"core.{pid}"], [p.name for p in folder.iterdir()])
    return goes_on(pid)


def test_full_disk(scratch, pid):
    """A small file system: nothing is written when the core cannot fit."""
    folder = scratch / "small"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], stderr=subprocess.DEVNULL,
        check=False).returncode == 0
    if not mounted:
        raise Skip("cannot mount a small file system")
    try:
        refused("full-disk", 3, "No space left", pid, "-o", folder / "core")
        expect("left", [], list(folder.iterdir()))
    finally:
        subprocess.run(["umount", folder], check=False)
    return goes_on(pid)


def test_replaces(scratch, pid):
    path = scratch / "replaced"
    path.write_text("old")
    path.chmod(0o640)
    link = scratch / "link"
    link.symlink_to(path.name)
    done = leakhound("core", pid, "-o", link, "-q")
    if done.returncode or not link.is_symlink() or path.read_bytes()[:4] != b"\x7fELF" or \
            stat.S_IMODE(path.stat().st_mode) != 0o640:
        return f"{done.stderr!r}, mode {path.stat().st_mode:o}"
    return None


def test_other_user(scratch):
    """Without privileges, on a process of one's own."""
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    if os.geteuid() != 0 or (scope.exists() and scope.read_text().strip() != "0"):
        raise Skip("not root, or ptrace is restricted")
    user = 65534
    folder = Path(tempfile.mkdtemp(prefix="leakhound-"))
    try:
        for source in (truth.LEAKHOUND, scratch / "memory", scratch / "data"):
            shutil.copy(source, folder / Path(source).name)
        os.chown(folder, user, user)
        for path in folder.iterdir():
            os.chown(path, user, user)
            path.chmod(0o755)
        with CProgram(folder / "memory", folder / "data",
                      preexec=lambda: os.setuid(user)) as program:
            halt(program.pid)
            done = subprocess.run([folder / Path(truth.LEAKHOUND).name, "core", str(program.pid),
                                   "-o", folder / "core"], preexec_fn=lambda: os.setuid(user),
                                  stderr=subprocess.PIPE, timeout=300, check=False)
            if done.returncode:
                return done.stderr.decode()
            expect("owner", user, (folder / "core").stat().st_uid)
            return check_file(program.pid, folder / "core")
    finally:
        shutil.rmtree(folder)


def main():
    if not os.access(truth.LEAKHOUND, os.X_OK):
        print(f"skip core-write: no {truth.LEAKHOUND}")
        return 0
    with tempfile.TemporaryDirectory(prefix="leakhound-") as folder:
        scratch = Path(folder)
        run_test("core-write/memory-kinds-fork", test_memory_kinds, scratch, "fork")
        run_test("core-write/memory-kinds-stop", test_memory_kinds, scratch, "stop")
        run_test("core-write/stream", test_stream, scratch)
        run_test("core-write/gdb-dynamic", test_gdb, scratch, "dynamic", 8)
        run_test("core-write/gdb-static", test_gdb, scratch, "static", 3, "-static")
        run_test("core-write/gdb-many-threads", test_gdb, scratch, "many", 1000)
        run_test("core-write/other-user", test_other_user, scratch)
        if not QUICK:
            run_test("core-write/many-segments", test_many_segments, scratch)
        with CProgram(scratch / "dynamic", 4) as program:
            run_test("core-write/refusals", test_refusals, scratch, program.pid)
            run_test("core-write/full-disk", test_full_disk, scratch, program.pid)
            run_test("core-write/replaces", test_replaces, scratch, program.pid)
    return 1 if failed else 0


sys.exit(main())
