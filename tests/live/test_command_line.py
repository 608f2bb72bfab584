#!/usr/bin/env python3
"""The command line from outside: messages, exit statuses, output files, signals, terminals.

usage: test_command_line.py
Environment: LEAKHOUND (the binary to test), LEAKHOUND_CACHE (its go/ has toolchains; without one
the tests that need a Go process are skipped).
"""
import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LEAKHOUND = os.environ.get("LEAKHOUND", str(ROOT / "build" / "leakhound"))
CACHE = Path(os.environ.get("LEAKHOUND_CACHE", Path.home() / ".cache" / "leakhound"))
PROGRAM = """package main

import (
	"fmt"
	"time"
)

var sessions = map[int][]byte{}

func main() {
	for i := 0; i < 2000; i++ {
		sessions[i] = make([]byte, 4096)
	}
	fmt.Println("ready")
	time.Sleep(time.Hour)
}
"""
# One of sixteen small objects lives on, and keeps the span that the others were in.
LEAKY = """package main

import (
	"fmt"
	"runtime"
	"time"
)

type item [64]byte

var kept []*item

func load(n int) {
	all := make([]*item, n)
	for i := range all {
		all[i] = new(item)
	}
	for i := 0; i < n; i += 16 {
		kept = append(kept, all[i])
	}
}

func main() {
	load(500000)
	runtime.GC()
	runtime.GC()
	fmt.Println("ready")
	time.Sleep(time.Hour)
}
"""
failures = 0


def verdict(name, wrong):
    global failures
    if wrong:
        failures += 1
        print(f"FAIL {name}: {str(wrong)[:300]}")
    else:
        print(f"ok {name}", flush=True)


def leakhound(*arguments, **options):
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([LEAKHOUND, *map(str, arguments)], stderr=subprocess.PIPE, timeout=300,
                          check=False, **options)


def complaint(name, arguments, status, *words, **options):
    """The exit status, and one line on standard error with all the words; nothing on stdout."""
    done = leakhound(*arguments, **options)
    text = done.stderr.decode()
    wrong = None
    if done.returncode != status:
        wrong = f"exit status {done.returncode}, expected {status}: {text}"
    elif text.count("\n") != 1 or not text.startswith("leakhound: "):
        wrong = f"not one line: {text!r}"
    elif done.stdout:
        wrong = f"wrote to standard output: {done.stdout[:100]!r}"
    else:
        missing = [word for word in words if word not in text]
        wrong = f"no {missing} in {text!r}" if missing else None
    verdict(name, wrong)


def usage(scratch):
    done = leakhound()
    verdict("no-arguments", done.returncode != 2 or b"usage: leakhound" not in done.stderr
            or done.stdout)
    help_text = leakhound("--help")
    verdict("help", help_text.returncode or not help_text.stdout.startswith(b"Example: leakhound ")
            or leakhound("inspect", "--help").stdout != help_text.stdout
            or max(map(len, help_text.stdout.split(b"\n"))) > 100)
    version = leakhound("--version")
    verdict("version", version.returncode or not version.stdout.startswith(b"leakhound "))
    complaint("unknown-command", ["inspekt"], 2, "inspekt", "no command, no pid and no file")
    complaint("unknown-option", ["inspect", "--bogus", "1"], 2, "--bogus", "--help")
    complaint("unknown-letter", ["-qz", "1"], 2, "-z")
    complaint("value-missing", ["inspect", "--top"], 2, "--top needs a value")
    complaint("value-superfluous", ["inspect", "--quiet=1"], 2, "--quiet=1")
    complaint("wrong-format", ["1", "--format", "xml"], 2, "text or json", "xml")
    complaint("wrong-severity", ["1", "--fail-on", "error"], 2, "critical, warning or info", "error")
    for number in ("0", "-1", "1e3", "", "99999999999999999999", "100001"):
        complaint(f"wrong-top-{number}", ["1", "--top", number], 2, "1 to 100000")
    complaint("two-targets", ["inspect", "1", "2"], 2, "one PID|CORE")
    complaint("no-target", ["inspect"], 2, "one PID|CORE")
    complaint("hostile-argument", ["evil\033[2J"], 2, "evil\\x1b[2J")
    complaint("no-such-pid", ["4194303"], 3, "4194303")
    complaint("no-such-file", [scratch / "core.1"], 3, "core.1")
    complaint("no-pid-no-file", ["inspect", "orders"], 3, "neither a pid nor a file")
    complaint("no-core", [Path(__file__)], 3, "not a core")
    complaint("output-folder-missing", ["1", "-o", scratch / "no" / "x"], 3, "No such file")
    complaint("output-is-folder", ["1", "-o", scratch], 3, "Is a directory")
    leakhound("4194303", "-o", scratch / "never")
    verdict("nothing-left-after-error", list(scratch.iterdir()))


def explanations(scratch):
    listed = leakhound("explain")
    verdict("explain-lists", listed.returncode or listed.stderr
            or b"map-never-shrinks  " not in listed.stdout or listed.stdout.count(b"\n") < 18)
    page = leakhound("explain", "map-never-shrinks", "-o", scratch / "page")
    verdict("explain-output-file", page.returncode or page.stdout or page.stderr
            or not (scratch / "page").read_text().startswith("map-never-shrinks: "))
    (scratch / "page").unlink()
    complaint("explain-nearest", ["explain", "map-never-shrink"], 2, "map-never-shrinks", "explain lists")
    complaint("explain-unknown", ["explain", "xyzzy"], 2, "no case xyzzy", "explain lists")
    complaint("explain-two", ["explain", "pool-bloat", "pool-bloat"], 2, "one ID")
    complaint("explain-no-json", ["explain", "--format", "json"], 2, "text or markdown")
    complaint("explain-no-target-options", ["explain", "--top", "3"], 2, "takes no top")
    with open("/dev/full", "wb") as full:
        complaint("explain-full-disk", ["explain", "pool-bloat"], 3, "No space left", stdout=full)
        complaint("explain-list-full-disk", ["explain"], 3, "No space left", stdout=full)


def build_program(scratch, name="sleeper", program=PROGRAM):
    toolchains = sorted((CACHE / "go").glob("*/bin/go"))
    if not toolchains:
        return None
    (scratch / "main.go").write_text(program)
    environment = dict(os.environ, GO111MODULE="off", GOTOOLCHAIN="local", GOFLAGS="",
                       CGO_ENABLED="0")
    subprocess.run([str(toolchains[-1]), "build", "-o", name, "main.go"], cwd=scratch,
                   env=environment, check=True)
    (scratch / "main.go").unlink()
    return scratch / name


def outputs(pid, scratch):
    report = scratch / "report.json"
    done = leakhound(pid, "--format", "json", "-o", report)
    verdict("output-file", done.returncode or done.stdout or done.stderr)
    checked = subprocess.run([ROOT / "tests/golden/report/check-json"], stderr=subprocess.PIPE,
                             input=report.read_bytes(), check=False)
    verdict("json-schema", checked.stderr.decode())
    verdict("json-pid", json.loads(report.read_text())["target"]["pid"] != int(pid))

    report.chmod(0o600)
    link = scratch / "link"
    link.symlink_to(report.name)
    leakhound(pid, "-o", link)
    verdict("output-follows-link", not link.is_symlink() or report.stat().st_mode & 0o777 != 0o600
            or "main.sessions" not in report.read_text())
    text = report.read_text()
    verdict("text-fits", [line for line in text.split("\n") if len(line) > 100])
    verdict("no-colour-in-files", "\033" in text)
    with open("/dev/full", "wb") as full:
        complaint("full-disk", [pid], 3, "No space left", stdout=full)
    complaint("full-disk-output", [pid, "-o", "/dev/full"], 3, "No space left")

    reader, writer = os.pipe()
    os.close(reader)
    done = leakhound(pid, stdout=writer)
    os.close(writer)
    verdict("closed-pipe-is-quiet", done.stderr or done.returncode)
    phases = leakhound(pid, "--phases", "--format", "json")
    verdict("phases", b"peak memory" not in phases.stderr or not json.loads(phases.stdout))


def fails_on(sleeper, scratch):
    """--fail-on: status 1 for what is as bad or worse, with the report, also of a snapshot."""
    for severity in ("critical", "warning"):
        done = leakhound(sleeper, "--fail-on", severity)
        verdict(f"healthy-passes-{severity}", done.returncode or b"main.sessions" not in done.stdout)
    with subprocess.Popen([build_program(scratch, "leaky", LEAKY)], stdout=subprocess.PIPE) as target:
        try:
            target.stdout.readline()
            pid = str(target.pid)
            verdict("no-gate-no-failure", leakhound(pid).returncode)
            report, snapshot = scratch / "leaky.json", scratch / "leaky.lhsnap"
            for severity in ("critical", "warning", "info"):
                done = leakhound(pid, "--fail-on", severity, "--format", "json", "-o", report)
                found = [f["severity"] for f in json.loads(report.read_text())["findings"]]
                verdict(f"leaky-fails-{severity}", done.returncode != 1 or done.stderr
                        or "critical" not in found)
                report.unlink()
            leakhound("snapshot", pid, "-o", snapshot)
            with open("/dev/full", "wb") as full:
                complaint("gate-full-disk", [pid, "--fail-on", "info"], 3, "No space left", stdout=full)
        finally:
            target.kill()
    done = leakhound(snapshot, "--fail-on", "critical")
    verdict("snapshot-fails", done.returncode != 1 or b"FINDINGS" not in done.stdout)
    verdict("snapshot-without-gate", leakhound(snapshot).returncode)


def interrupted(pid, scratch):
    """A signal at any moment leaves no temporary file and a running target."""
    before = set(scratch.iterdir())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        for delay in (0.001, 0.01, 0.03):
            child = subprocess.Popen([LEAKHOUND, pid, "-o", scratch / "late"],
                                     stderr=subprocess.DEVNULL)
            time.sleep(delay)
            child.send_signal(number)
            child.wait()
    left = {path for path in scratch.iterdir() if path.name != "late"} - before
    verdict("signals-leave-nothing", left)
    # The process that forks the target outlives leakhound by a moment, to clean up.
    deadline, status = time.monotonic() + 60, ""
    while ("State:\tS" not in status or "TracerPid:\t0" not in status) and time.monotonic() < deadline:
        time.sleep(0.02)
        status = Path(f"/proc/{pid}/status").read_text()
    verdict("target-runs-on", "State:\tS" not in status or "TracerPid:\t0" not in status)


def on_terminal(pid, columns, **environment):
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        kept = {key: value for key, value in os.environ.items()
                if key not in ("LC_ALL", "LC_CTYPE", "LANG", "NO_COLOR")}
        os.execve(LEAKHOUND, [LEAKHOUND, pid], {**kept, **environment})
    output = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        output += part
    os.close(terminal)
    os.waitpid(child, 0)
    return output


def terminals(pid):
    output = on_terminal(pid, 80, TERM="xterm", LANG="en_US.UTF-8")
    verdict("colour-on-terminal", b"\033[1m" not in output)
    verdict("bars-with-utf8", "█".encode() not in output)
    output = on_terminal(pid, 60, TERM="xterm", NO_COLOR="1")
    verdict("no-color-variable", b"\033[1m" in output)
    verdict("ascii-without-locale", not output.isascii())
    plain = on_terminal(pid, 60, TERM="dumb", LC_ALL="C", LANG="en_US.UTF-8")
    verdict("dumb-terminal", b"\033" in plain or not plain.isascii())
    verdict("narrow", [line for line in plain.split(b"\r\n") if len(line) > 60])


def main():
    if not os.access(LEAKHOUND, os.X_OK):
        print(f"skip command-line: no {LEAKHOUND}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        usage(Path(folder))
        explanations(Path(folder))
        program = build_program(Path(folder))
        if not program:
            print("skip command-line/process: no Go toolchain")
            return 1 if failures else 0
        with subprocess.Popen([program], stdout=subprocess.PIPE) as target:
            try:
                target.stdout.readline()
                outputs(str(target.pid), Path(folder))
                fails_on(str(target.pid), Path(folder))
                interrupted(str(target.pid), Path(folder))
                terminals(str(target.pid))
            finally:
                target.kill()
    return 1 if failures else 0


sys.exit(main())
