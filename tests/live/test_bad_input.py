#!/usr/bin/env python3
"""What is no Go program, cannot be read, is damaged or disappears: one line that says what is wrong
and what to do, the right exit status (3 cannot be read, 4 not supported), and no harm to any process.

usage: test_bad_input.py
Environment: LEAKHOUND (the binary), LEAKHOUND_CACHE (its go/ has the toolchains; without one the
tests that need a Go program are skipped), LEAKHOUND_QUICK=1 (fewer of the tests that repeat).
"""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import truth
from truth import Program, Wrong, leakhound

USAGE, UNREADABLE, UNSUPPORTED = 2, 3, 4
NOBODY = 65534
failed = False


def verdict(name, problem):
    global failed
    failed = failed or bool(problem)
    print(f"FAIL bad-input/{name}: {problem}" if problem else f"ok bad-input/{name}", flush=True)


def problem_with(done, status, *words):
    """The exit status, one line on standard error with all the words, nothing on standard output."""
    text = done.stderr.decode("utf-8", "replace")
    if done.returncode != status:
        return f"expected exit status {status}, got {done.returncode}: {text[-300:]!r}"
    if text.count("\n") != 1 or not text.startswith("leakhound: ") or len(text) > 400:
        return f"expected one line on standard error, got {text[-300:]!r}"
    if done.stdout:
        return f"wrote to standard output: {done.stdout[:100]!r}"
    missing = [word for word in words if word not in text]
    return f"expected {missing} in {text!r}" if missing else None


def complaint(name, arguments, status, *words, **options):
    verdict(name, problem_with(leakhound("inspect", *arguments, **options), status, *words))


def files(scratch):
    """What is there without any Go."""
    text, empty = scratch / "text", scratch / "empty"
    text.write_text("goroutine 1 [running]:\nmain.main()\n")
    empty.touch()
    complaint("text-file", [text], UNREADABLE, "text", "not a core")
    complaint("empty-file", [empty], UNREADABLE, "empty")
    complaint("directory", [scratch], UNREADABLE, "not a regular file")
    complaint("device", ["/dev/null"], UNREADABLE, "/dev/null", "not a regular file")
    complaint("executable-instead-of-core", [sys.executable], USAGE, "executable", "pid or a core")
    pipe = scratch / "pipe"
    os.mkfifo(pipe)
    complaint("named-pipe", [pipe], UNREADABLE, "not a regular file")
    unreadable = scratch / "unreadable"
    unreadable.write_bytes(b"\x7fELF" + bytes(60))
    unreadable.chmod(0)
    if os.getuid() == 0:
        binary = for_everyone(scratch)
        done = subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", binary,
                               "inspect", unreadable], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        verdict("file-without-permission", problem_with(done, UNREADABLE, "Permission denied"))
    else:
        complaint("file-without-permission", [unreadable], UNREADABLE, "Permission denied")
    for name, changed, words in (("core-of-32-bit", {4: 1}, ("32-bit",)),
                                 ("core-of-arm64", {18: 183}, ("arm64", "amd64")),
                                 ("core-of-big-endian", {5: 2}, ("amd64",))):
        header = bytearray(b"\x7fELF\x02\x01\x01" + bytes(57))
        header[16], header[18], header[20] = 4, 62, 1
        header[52], header[54] = 64, 56
        for offset, value in changed.items():
            header[offset] = value
        (scratch / name).write_bytes(header)
        complaint(name, [scratch / name], UNSUPPORTED, *words)


def for_everyone(scratch):
    """A copy of leakhound that any user may run."""
    binary = scratch / "leakhound"
    if not binary.exists():
        shutil.copy(truth.LEAKHOUND, binary)
        binary.chmod(0o755)
        scratch.chmod(0o755)
    return binary


def somebody_elses_process():
    for entry in Path("/proc").iterdir():
        try:
            # A thread of the kernel has no command line.
            if entry.name.isdigit() and entry.stat().st_uid != os.getuid() and (entry / "cmdline").read_bytes():
                return int(entry.name)
        except OSError:
            continue
    return None


def processes(scratch):
    with subprocess.Popen(["sleep", "1000"]) as other:
        try:
            ended = subprocess.Popen(["true"])
            ended.wait()
            complaint("no-such-process", [ended.pid], UNREADABLE, f"no process {ended.pid}")
            complaint("not-go", [other.pid], UNSUPPORTED, "is it a Go program?")
            state = Path(f"/proc/{other.pid}/status").read_text()
            verdict("not-go-unharmed", None if "State:\tS" in state and "TracerPid:\t0\n" in state else state)
            if os.getuid() == 0:
                done = subprocess.run(
                    ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                     for_everyone(scratch), "inspect", str(other.pid)],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
                verdict("no-permission", problem_with(done, UNREADABLE, "CAP_SYS_PTRACE"))
            elif foreign := somebody_elses_process():
                complaint("no-permission", [foreign], UNREADABLE, "CAP_SYS_PTRACE")
            else:
                print("skip bad-input/no-permission: every process that is seen here is one's own")
        finally:
            other.kill()
    zombie = os.fork()
    if zombie == 0:
        os._exit(0)
    time.sleep(0.1)
    verdict("zombie", problem_with(leakhound("inspect", zombie), UNREADABLE, str(zombie)))
    os.waitpid(zombie, 0)
    # The thread that starts all others of the kernel; absent in a pid namespace of its own.
    if Path("/proc/2/comm").exists() and Path("/proc/2/comm").read_text() == "kthreadd\n":
        complaint("kernel-thread", [2], UNSUPPORTED, "thread of the kernel")
    else:
        print("skip bad-input/kernel-thread: no such thread is seen here")


def own_process():
    """leakhound's own pid: only exec tells it before."""
    done = subprocess.run(["sh", "-c", 'exec "$0" inspect $$', truth.LEAKHOUND], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=False)
    verdict("itself", problem_with(done, USAGE, "leakhound itself"))


def other_architectures(version, scratch):
    source = scratch / "sleeper.go"
    source.write_text('package main\n\nimport "time"\n\nfunc main() { time.Sleep(time.Hour) }\n')
    for arch in ("arm64", "386"):
        environment = dict(os.environ, GO111MODULE="off", GOTOOLCHAIN="local", GOFLAGS="", CGO_ENABLED="0",
                           GOARCH=arch)
        subprocess.run([truth.CACHE / "go" / version / "bin" / "go", "build", "-o", f"sleeper-{arch}",
                        source.name], cwd=scratch, env=environment, check=True)
    try:
        process = subprocess.Popen([scratch / "sleeper-386"])
    except OSError:
        print("skip bad-input/32-bit-process: this kernel runs none")
        return
    time.sleep(0.2)
    complaint("32-bit-process", [process.pid], UNSUPPORTED, "32-bit", "amd64")
    verdict("32-bit-process-unharmed", None if process.poll() is None else "it ended")
    process.kill()
    process.wait()


def unknown_versions(binary, version, scratch):
    """A program that says it was built with a Go that is not known."""
    content = binary.read_bytes()
    full = re.search(rb"go" + re.escape(version.encode()) + rb"\.\d+", content)[0]
    for unknown in ("99", "20", "16"):
        claimed = b"go1." + unknown.encode() + full[full.rindex(b"."):]
        path = scratch / "unknown"
        path.write_bytes(content.replace(full, claimed))
        path.chmod(0o755)
        with Program(path, "-scale", "0.01") as program:
            complaint(f"unknown-version-1.{unknown}", [program.pid], UNSUPPORTED, claimed.decode(), "1.27")
            verdict(f"unknown-version-1.{unknown}-unharmed", None if program.runs() else "it does not run on")


def cores(binary, wrong_binary, scratch):
    if not shutil.which("gcore"):
        print("skip bad-input/cores: there is no gcore (package gdb)")
        return
    moved = scratch / "moved"
    shutil.copy(binary, moved)
    with Program(moved, "-scale", "0.02") as program:
        subprocess.run(["gcore", "-o", scratch / "core", str(program.pid)], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, check=True)
        core = scratch / f"core.{program.pid}"
    verdict("core-is-fine", None if leakhound("inspect", core).returncode == 0 else "it cannot be read")
    for name, exe, status, words in (
            ("wrong-executable", wrong_binary, UNREADABLE, ("not the executable", "--exe")),
            ("executable-of-c", "/bin/sh", UNREADABLE, ("not the executable", "--exe")),
            ("executable-of-arm64", scratch / "sleeper-arm64", UNSUPPORTED, ("arm64", "amd64")),
            ("executable-of-32-bit", scratch / "sleeper-386", UNSUPPORTED, ("32-bit", "amd64")),
            ("executable-is-text", scratch / "text", UNREADABLE, ("not an ELF",)),
            ("executable-is-folder", scratch, UNREADABLE, ("not a regular file",)),
            ("executable-missing", scratch / "no-such", UNREADABLE, ("No such file",)),
            ("executable-is-core", core, UNREADABLE, ("not an executable",))):
        complaint(name, [core, "--exe", exe], status, *words)
    damaged_cores(core, scratch)
    moved.rename(scratch / "elsewhere")
    complaint("executable-gone", [core], UNREADABLE, "--exe")
    done = leakhound("inspect", core, "--exe", scratch / "elsewhere")
    verdict("executable-moved", None if done.returncode == 0 else done.stderr)


def damaged_cores(core, scratch):
    size = core.stat().st_size
    short = scratch / "short"
    lengths = [1, 63, 64, 1000, 4096, size // 2, size - 100000, size - 4096]
    for length in lengths[::3] if truth.QUICK else lengths:
        copy_sparse(core, short)
        os.truncate(short, length)
        done = leakhound("inspect", short)
        verdict(f"truncated-to-{length if length <= 4096 else 'half' if length == size // 2 else f'all-but-{size - length}'}",
                problem_with(done, UNREADABLE, *(["truncated"] if length >= 64 else [])))
    generator = random.Random(1)
    problems = []
    for _ in range(3 if truth.QUICK else 25):
        copy_sparse(core, short)
        with open(short, "r+b") as file:
            # Most of a core are zeros: damage what is not, too.
            for offset in [generator.randrange(size) for _ in range(50)] + data_offsets(core, generator, 200):
                file.seek(offset)
                file.write(generator.randbytes(8) if generator.random() < 0.5 else b"\xff" * 8)
        done = leakhound("inspect", short, "--exe", scratch / "moved")
        if done.returncode not in (0, UNREADABLE, UNSUPPORTED):
            problems.append(f"exit status {done.returncode}: {done.stderr[-200:]!r}")
        elif done.returncode and problem_with(done, done.returncode):
            problems.append(problem_with(done, done.returncode))
    verdict("damaged-cores", "; ".join(problems[:2]))
    short.unlink()


def copy_sparse(source, target):
    subprocess.run(["cp", "--sparse=always", source, target], check=True)


def data_offsets(path, generator, count):
    """Places in a sparse file that are not holes."""
    offsets = []
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        while len(offsets) < count:
            try:
                offsets.append(os.lseek(file.fileno(), generator.randrange(size), os.SEEK_DATA)
                               + generator.randrange(4096) // 8 * 8)
            except OSError:
                continue  # nothing but a hole from there on
    return [offset for offset in offsets if offset + 8 <= size]


def ends_in_the_middle(binary):
    """The target dies while it is read. leakhound says so, or was faster."""
    seen = set()
    for freeze in ("fork", "stop", "none"):
        problems = []
        for delay in (0.002, 0.05, 0.2) if truth.QUICK else (0, 0.002, 0.01, 0.03, 0.06, 0.1, 0.2, 0.4):
            with Program(binary, "-scale", "1") as program:
                tool = subprocess.Popen([truth.LEAKHOUND, "inspect", str(program.pid), "--freeze", freeze],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                time.sleep(delay)
                program.process.kill()
                program.process.wait(30)
                try:
                    output, errors = tool.communicate(timeout=60)
                except subprocess.TimeoutExpired:
                    tool.kill()
                    problems.append(f"after {delay} s: it hangs")
                    continue
            done = subprocess.CompletedProcess([], tool.returncode, output, errors)
            seen.add(tool.returncode)
            if done.returncode not in (0, UNREADABLE, UNSUPPORTED):
                problems.append(f"after {delay} s: exit status {done.returncode}: {errors[-200:]!r}")
            elif done.returncode and problem_with(done, UNREADABLE, str(program.pid)):
                problems.append(f"after {delay} s: " + problem_with(done, UNREADABLE, str(program.pid)))
        verdict(f"target-ends-freeze-{freeze}", "; ".join(problems[:2]))
    verdict("target-ends-is-noticed", None if UNREADABLE in seen else f"exit statuses were {seen}")


def killed_in_the_middle(binary):
    """leakhound dies while it reads; the target goes on."""
    problems = []
    with Program(binary, "-heap", "24") as program:
        for delay in (0.001, 0.01, 0.02, 0.04, 0.08, 0.16):
            tool = subprocess.Popen([truth.LEAKHOUND, "inspect", str(program.pid)], stdout=subprocess.DEVNULL)
            time.sleep(delay)
            tool.kill()
            tool.wait()
            # The process that forks the target outlives leakhound by a moment, to clean up.
            before, deadline = program.ask()["checks"], time.monotonic() + 60
            while program.ask()["checks"] <= before or not program.runs():
                if time.monotonic() < deadline:
                    time.sleep(0.02)
                    continue
                problems.append(f"killed after {delay} s: the target stands still")
                break
        program.process.send_signal(signal.SIGTERM)
        if program.process.wait(30) != -signal.SIGTERM:
            problems.append(f"the target ended with {program.process.returncode}: {program.complaints()}")
    verdict("leakhound-is-killed", "; ".join(problems[:2]))


def stopped_target(binary):
    """A target that was stopped by a signal is inspected and stays stopped."""
    with Program(binary, "-scale", "0.02") as program:
        program.process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        done = leakhound("inspect", program.pid, "--format", "json")
        problem = None if done.returncode == 0 else f"exit status {done.returncode}: {done.stderr!r}"
        if not problem and json.loads(done.stdout)["counts"]["objects"] != program.truth["heap_objects"]:
            problem = "it is not read right"
        state = Path(f"/proc/{program.pid}/status").read_text()
        if not problem and ("State:\tT" not in state or "TracerPid:\t0\n" not in state):
            problem = "it is not stopped any more: " + re.search("State:.*", state)[0]
        program.process.send_signal(signal.SIGCONT)
        program.ask()
        verdict("stopped-target", problem)


def traced_target(binary):
    """Somebody else traces the target: there can be only one."""
    if not shutil.which("gdb"):
        print("skip bad-input/traced-target: there is no gdb")
        return
    with Program(binary, "-scale", "0.02") as program:
        with subprocess.Popen(["gdb", "-q", "-nx", "-p", str(program.pid)], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as debugger:
            for _ in range(100):
                if "TracerPid:\t0\n" not in Path(f"/proc/{program.pid}/status").read_text():
                    break
                time.sleep(0.1)
            complaint("traced-target", [program.pid], UNREADABLE, "traced", str(debugger.pid))
            debugger.communicate(b"detach\nquit\n", timeout=60)
        program.ask()


def main():
    if not os.access(truth.LEAKHOUND, os.X_OK):
        print(f"skip bad-input: no {truth.LEAKHOUND}")
        return 0
    with tempfile.TemporaryDirectory(prefix="leakhound-bad-") as folder:
        scratch = Path(folder)
        files(scratch)
        processes(scratch)
        own_process()
        versions = truth.versions()
        if not versions:
            print("skip bad-input/go: no Go toolchain (scripts/go-toolchains fetches them)")
            return failed
        version = versions[-1]
        binaries = {name: truth.build(version, "normal", name, scratch / name)
                    for name in ("holder-global-map", "holder-tree", "busy")}
        for test, *arguments in (
                (other_architectures, version, scratch),
                (unknown_versions, binaries["holder-global-map"], version, scratch),
                (cores, binaries["holder-global-map"], binaries["holder-tree"], scratch),
                (ends_in_the_middle, binaries["holder-tree"]),
                (killed_in_the_middle, binaries["busy"]),
                (stopped_target, binaries["holder-global-map"]),
                (traced_target, binaries["holder-global-map"])):
            try:
                test(*arguments)
            except (Wrong, OSError, ValueError, LookupError, subprocess.SubprocessError) as problem:
                verdict(test.__name__.replace("_", "-"), repr(problem))
    return failed


if __name__ == "__main__":
    sys.exit(main())
