"""Programs of the zoo, what they tell of themselves, and what leakhound tells of them.

A program prints one line of JSON (zoo/truth): its own statistics, exact from then on, and what only
it can know. Program runs one and keeps its line; inspect() runs leakhound and gives its report.
run_versions() is the main of a test that does the same with every Go version, run_jobs() that of one
whose checks run side by side and make a table.
"""
import argparse
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LEAKHOUND = os.environ.get("LEAKHOUND", str(ROOT / "build" / "leakhound"))
BUILD = Path(os.environ.get("LEAKHOUND_BUILD", ROOT / "build" / "test" / "gcc"))
CACHE = Path(os.environ.get("LEAKHOUND_CACHE", Path.home() / ".cache" / "leakhound"))
QUICK = os.environ.get("LEAKHOUND_QUICK") == "1"
SECONDS_TO_START = 120
SECONDS_TO_INSPECT = 300
# The most that --top takes: every holder, type and shared set is in the report.
ALL_ROWS = "100000"


class Wrong(Exception):
    """What a test says after its name when it fails."""


class Skip(Exception):
    """Why a check cannot be made here."""


def minor(version):
    return int(version.split(".")[1])


def versions():
    """The Go versions at hand, oldest first."""
    found = [p.parent.parent.name for p in (CACHE / "go").glob("*/bin/go")]
    return sorted((v for v in found if re.fullmatch(r"1\.\d+", v)), key=minor)


def programs():
    listed = subprocess.run([ROOT / "scripts" / "zoo-build", "--programs"], stdout=subprocess.PIPE,
                            check=True, text=True)
    return listed.stdout.split()


def build(version, mode, program, path):
    """Builds through scripts/zoo-build, which keeps what it built."""
    done = subprocess.run([ROOT / "scripts" / "zoo-build", version, mode, program, path],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Wrong(f"zoo-build failed: {done.stdout.strip()[-300:]}")
    return path


def build_own(version, name, arguments, path, experiment=""):
    """Builds goprogs/NAME, a program of one test, with arguments for go build."""
    environment = dict(os.environ, GO111MODULE="off", GOTOOLCHAIN="local", GOFLAGS="", CGO_ENABLED="0",
                       GOEXPERIMENT=experiment)
    done = subprocess.run([CACHE / "go" / version / "bin" / "go", "build", "-o", path, *arguments, "."],
                          env=environment, cwd=Path(__file__).resolve().parent / "goprogs" / name,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Wrong(f"does not build: {done.stdout.strip()[-300:]}")


def find_tool(name):
    """A test tool, or None."""
    for directory in (BUILD, BUILD / "tests"):
        path = directory / f"test-tool-{name}"
        if os.access(path, os.X_OK):
            return path
    return None


def run_tool(name, *arguments):
    """What a test tool prints."""
    tool = find_tool(name)
    if not tool:
        raise Wrong(f"no test-tool-{name}")
    done = subprocess.run([tool, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=SECONDS_TO_INSPECT, check=False)
    if done.returncode:
        raise Wrong(done.stderr.strip()[-300:] or f"test-tool-{name}: exit status {done.returncode}")
    return done.stdout


def run_versions(test, quick_versions, cases, check, tool=None, between="-"):
    """The main of a test: calls check(version, case, folder) for each Go version, of the command line
    or all at hand, in haste of those only quick_versions, and for each case, a name; cases may be a
    function of the version. Says "ok TEST-VERSION-CASE" or FAIL and why, and skips all without the
    test tool. folder is for files, the same in all. Returns the exit status."""
    known = versions()
    if QUICK:
        known = [v for v in known if v in quick_versions] or known[-1:]
    chosen = sorted(sys.argv[1:], key=minor) or known
    if not chosen or (tool and not find_tool(tool)):
        print(f"skip {test}: no test-tool-{tool} or no Go toolchain" if tool else
              f"skip {test}: no Go toolchain at hand")
        return 0
    failed = False
    with tempfile.TemporaryDirectory(prefix=f"leakhound-{test}-") as folder:
        for version in chosen:
            for case in cases(version) if callable(cases) else cases:
                name = between.join((test, version, case))
                try:
                    check(version, case, Path(folder))
                    print(f"ok {name}", flush=True)
                except (Wrong, OSError, LookupError, ValueError, subprocess.SubprocessError) as problem:
                    failed = True
                    text = f"{problem}" if isinstance(problem, Wrong) else f"{type(problem).__name__}: {problem}"
                    print(f"FAIL {name}: {text[:600]}", flush=True)
    return 1 if failed else 0


def run_jobs(test, usage, quick_versions, jobs, table_of, workers, prints_table=False):
    """The main of a test with --only VERSION[,VERSION...], --match TEXT and --table FILE: runs the jobs
    that jobs(versions) gives, `workers` at a time. A job has a name; job.run(folder) gives pairs of a
    check and None, what is wrong, or a Skip. table_of(versions) has add(job, check, fine) and lines().
    Returns the exit status."""
    parser = argparse.ArgumentParser(usage=usage)
    parser.add_argument("--only", default="")
    parser.add_argument("--match", default="")
    parser.add_argument("--table")
    arguments = parser.parse_args()
    if not os.access(LEAKHOUND, os.X_OK):
        print(f"skip {test}: no {LEAKHOUND}")
        return 0
    chosen = [v for v in versions() if not arguments.only or v in arguments.only.split(",")]
    if QUICK:
        chosen = [v for v in chosen if v in quick_versions] or chosen[-1:]
    if not chosen:
        print(f"skip {test}: no Go toolchain (scripts/go-toolchains fetches them)")
        return 0
    failed, table = False, table_of(chosen)
    todo = [job for job in jobs(chosen) if arguments.match in job.name]
    with tempfile.TemporaryDirectory(prefix=f"leakhound-{test}-") as folder, \
            ThreadPoolExecutor(workers) as pool:
        # Results come in order, and as soon as all before them are there.
        for job, results in zip(todo, pool.map(lambda job: job.run(Path(folder)), todo)):
            for check, problem in results:
                if isinstance(problem, Skip):
                    print(f"skip {job.name}/{check}: {problem}", flush=True)
                    continue
                failed = failed or problem is not None
                table.add(job, check, problem is None)
                print(f"FAIL {job.name}/{check}: {problem}" if problem else f"ok {job.name}/{check}",
                      flush=True)
    if prints_table:
        print("\n".join(table.lines()), flush=True)
    if arguments.table:
        Path(arguments.table).write_text("\n".join(table.lines()) + "\n")
    return 1 if failed else 0


class Program:
    """A running program of the zoo; .truth is its latest line."""

    def __init__(self, path, *arguments, environment=None, folder=None):
        self.path = path
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [path, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.errors, cwd=folder, env={**os.environ, **(environment or {})})
        self.pid = self.process.pid
        self.unread = b""
        self.truth = None
        try:
            self.truth = self.next_truth()
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def next_truth(self, seconds=SECONDS_TO_START):
        deadline = time.monotonic() + seconds
        while True:
            line, newline, rest = self.unread.partition(b"\n")
            if newline:
                self.unread = rest
                told = json.loads(line)
                if told.get("ready"):
                    return told
                continue
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise Wrong(f"{Path(self.path).name} told nothing in {seconds} s")
            part = os.read(self.process.stdout.fileno(), 65536)
            if not part:
                raise Wrong(f"{Path(self.path).name} ended early: {self.complaints()}")
            self.unread += part

    def ask(self):
        """Fresh statistics."""
        self.process.send_signal(signal.SIGUSR1)
        self.truth = self.next_truth()
        return self.truth

    def complaints(self):
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace").strip()[-300:]

    def runs(self):
        """Alive, traced by nobody and not stopped."""
        if self.process.poll() is not None:
            return False
        status = Path(f"/proc/{self.pid}/status").read_text()
        return "TracerPid:\t0\n" in status and not re.search(r"^State:\t[tTZX]", status, re.M)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def leakhound(*arguments, **options):
    return subprocess.run([LEAKHOUND, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=SECONDS_TO_INSPECT, check=False, **options)


def inspect(target, *options):
    """The report as a dictionary; `options` go to the command line."""
    done = leakhound("inspect", target, "--format", "json", "--top", ALL_ROWS, *options)
    complaint = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode or complaint:
        raise Wrong(f"leakhound: exit status {done.returncode}: {complaint[:400]}")
    return json.loads(done.stdout)


def expect(name, expected, got):
    if expected != got:
        raise Wrong(f"{name}: expected {expected}, got {got}")


def expect_near(name, expected, got, share):
    if abs(expected - got) > abs(expected) * share:
        off = f"{(got - expected) / expected:+.3%}" if expected else "of nothing"
        raise Wrong(f"{name}: expected {expected}, got {got} ({off}, allowed {share:.1%})")
