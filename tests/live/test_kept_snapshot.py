#!/usr/bin/env python3
"""A snapshot that was made once, by an earlier build on another machine, and is kept: every build
must open it and say the same of it.

tests/golden/snapshot has the file and beside it, as a person can read them, what is in it: the
report as JSON (a later report may say more), and .heap, the graph analysed anew, with types and
goroutines, as test-tool-snapshot_dump says it. When the format gets a new version, add a file of
that version; what is here stays as long as files of format 1 are to be read.

usage: test_kept_snapshot.py
Environment: LEAKHOUND, LEAKHOUND_BUILD (folder of the test tools; without them, as in a static
build, only the report is compared).
"""
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LEAKHOUND = os.environ.get("LEAKHOUND", str(ROOT / "build" / "leakhound"))
BUILD = Path(os.environ.get("LEAKHOUND_BUILD", ROOT / "build"))
NOT_OF_THE_FILE = ("tool",)  # the build that shows it
failures = 0


def verdict(name, wrong):
    global failures
    if wrong:
        failures += 1
        print(f"FAIL {name}: {str(wrong)[:400]}")
    else:
        print(f"ok {name}", flush=True)


def output(*command):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=300, check=False)
    return done.stdout.decode() if done.returncode == 0 else None, done.stderr.decode()


def missing(kept, now, where=""):
    """Where `now` does not say what was kept."""
    if isinstance(kept, dict) and isinstance(now, dict):
        for key, value in kept.items():
            if where or key not in NOT_OF_THE_FILE:
                yield from missing(value, now.get(key), f"{where}/{key}")
    elif kept == [] and isinstance(now, list):
        return  # what nobody looked for then
    elif isinstance(kept, list) and isinstance(now, list) and len(kept) == len(now):
        for i, value in enumerate(kept):
            yield from missing(value, now[i], f"{where}/{i}")
    elif kept != now:
        yield f"{where}: {json.dumps(kept)[:100]} is now {json.dumps(now)[:100]}"


def check(snapshot):
    kept = json.loads(snapshot.with_suffix(".json").read_text(encoding="utf-8"))
    report, said = output(LEAKHOUND, snapshot, "--format", "json")
    verdict(f"{snapshot.stem}/report",
            said if report is None else "; ".join(missing(kept, json.loads(report))))
    text, said = output(LEAKHOUND, snapshot)
    names = [holder["name"] for holder in kept["holders"][:5]]
    lost = [name for name in names if text is None or name not in text]
    verdict(f"{snapshot.stem}/text", said if text is None else lost)
    info, said = output(LEAKHOUND, "snapshot", "--info", snapshot)
    verdict(f"{snapshot.stem}/info",
            None if info and "format 1" in info and f"{kept['counts']['objects']:,} " in info
            else said or info)
    dump = BUILD / "tests" / "test-tool-snapshot_dump"
    if not dump.exists():
        print(f"skip {snapshot.stem}/heap: no {dump.name} in this build")
        return
    heap, said = output(dump, "heap", snapshot)
    goroutines, more = output(dump, "goroutines", snapshot)
    expected = snapshot.with_suffix(".heap").read_text(encoding="utf-8").split("\n")
    found = ((heap or "") + (goroutines or "")).split("\n")
    wrong = [f"{a} is now {b}" for a, b in zip(expected, found) if a != b]
    if len(expected) != len(found):
        wrong.append(f"{len(expected)} lines, now {len(found)} {said}{more}")
    verdict(f"{snapshot.stem}/heap", wrong)


def main():
    snapshots = sorted((ROOT / "tests" / "golden" / "snapshot").glob("*.snapshot"))
    verdict("kept-snapshots", None if snapshots else "there are none")
    for snapshot in snapshots:
        check(snapshot)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
