#!/usr/bin/env python3
"""The line that tells how far leakhound has come: on a terminal only, and never backwards.

usage: test_progress.py

leakhound is held up again and again (SIGSTOP), so that the clock goes on as it would with a larger
heap: nothing here depends on the speed of the machine.
"""
import os
import pty
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import truth

OBJECTS, BYTES = 800000, 60 << 20
LINE = re.compile(r"\r\x1b\[K([a-zA-Z' ]+)(?:: (\d+) %(?:, about \d+ (?:s|min) left)?)?(?=\r)")


def held_up(target, *options, term="xterm", times=1000):
    """Runs leakhound on the target in steps of 30 ms with 300 ms between; what it said, as text."""
    master, slave = pty.openpty()
    process = subprocess.Popen([truth.LEAKHOUND, *options, str(target)], stdin=subprocess.DEVNULL,
                               stdout=slave, stderr=slave,
                               env={**os.environ, "TERM": term}, start_new_session=True)
    os.close(slave)
    os.set_blocking(master, False)
    said, deadline = b"", time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.03)
        times -= 1
        if times >= 0:
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.3)
            process.send_signal(signal.SIGCONT)
        said += drain(master)
    if process.poll() is None:
        process.kill()
    process.wait()
    said += drain(master)
    os.close(master)
    return process.returncode, said.decode("utf-8", "replace")


def drain(master):
    said = b""
    try:
        while True:
            piece = os.read(master, 65536)
            if not piece:
                return said
            said += piece
    except (BlockingIOError, OSError):  # nothing now; nobody has the terminal open any more
        return said


def on_a_terminal(pid):
    status, said = held_up(pid, "--format", "json", "--threads", "1")
    truth.expect("exit status", 0, status)
    lines = LINE.findall(said)
    shares = [int(share) for _, share in lines if share]
    if len(shares) < 3:
        raise truth.Wrong(f"{len(shares)} lines of progress: {said[:300]!r}")
    if shares != sorted(shares) or shares[-1] > 100:
        raise truth.Wrong(f"goes backwards: {shares}")
    if shares[-1] < 30:
        raise truth.Wrong(f"never came farther than {shares[-1]} %")
    if " left" not in said:
        raise truth.Wrong("never told how much time is left")
    report = said.find('{"schema"') if '{"schema"' in said else said.find("{")
    if said.rfind("\r\x1b[K") > report or not said[:report].endswith("\r\x1b[K"):
        raise truth.Wrong("the line is still there when the report comes")


def silence(name, pid, **how):
    options = how.pop("options", ())
    status, said = held_up(pid, "--format", "json", *options, times=5, **how)
    truth.expect(f"exit status {name}", 0, status)
    if "\x1b[K" in said or " %" in said:
        raise truth.Wrong(f"progress {name}: {said[:200]!r}")


def verdict(name, test, *arguments, **how):
    try:
        test(*arguments, **how)
        print(f"ok {name}", flush=True)
        return True
    except (truth.Wrong, subprocess.SubprocessError, OSError) as problem:
        print(f"FAIL {name}: {str(problem)[:300]}", flush=True)
        return False


def main():
    if not truth.versions():
        print("skip progress: no Go toolchain")
        return 0
    version = truth.versions()[-1]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "bench-heap"
        truth.build(version, "normal", "bench-heap", path)
        arguments = ["-objects", str(OBJECTS), "-bytes", str(BYTES)]
        with truth.Program(path, *arguments) as program:
            pid = program.pid
            fine = [
                verdict("progress-on-a-terminal", on_a_terminal, pid),
                verdict("progress-quiet", silence, "with --quiet", pid, options=["--quiet"]),
                verdict("progress-dumb-terminal", silence, "on a dumb terminal", pid, term="dumb"),
            ]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    raise SystemExit(main())
