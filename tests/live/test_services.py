#!/usr/bin/env python3
"""leakhound on services that nobody here wrote, as Debian ships them (stripped): prometheus, caddy and
nats-server, after a load for some seconds.

The figures of the heap are compared with what the service says of itself (go_memstats_*), just before
and just after; the service must go on serving; and there must be no finding above info but those that
docs/tried.md tells of.

usage: test_services.py [--seconds N] [NAME...]
Environment: LEAKHOUND (the binary), LEAKHOUND_CACHE (its services/ has what scripts/services unpacks),
LEAKHOUND_QUICK=1 (nothing is run).
"""
import argparse
import subprocess
import sys
import tempfile

import services
import truth
from truth import Wrong, inspect

SECONDS = 12
ROUNDS = 8
# What was found and confirmed: see docs/tried.md.
KNOWN = {}
# Report's figure: runtime.MemStats, go_memstats_*, and the share and bytes by which it may lie outside of
# the two moments.
FIGURES = {
    "heap_objects_bytes": ("HeapAlloc", None, 0.005, 0),
    "heap_inuse_bytes": ("HeapInuse", "heap_inuse_bytes", 0.01, 0),
    "stacks_bytes": ("Stack", "stack_inuse_bytes", 0.1, 512 << 10),  # goroutines come and go
}


def look(service):
    """A report and what the service said before and after, with no collection in between."""
    for _ in range(ROUNDS):
        moments = [service.memory(), service.exported()]
        report = inspect(service.pid)
        moments += [service.exported(), service.memory()]
        if moments[0]["NumGC"] == moments[3]["NumGC"]:
            return report, moments
    raise Wrong(f"the service collects all the time: {ROUNDS} rounds")


def between(name, before, got, after, share, spare=0):
    low, high = min(before, after), max(before, after)
    if not low * (1 - share) - spare <= got <= high * (1 + share) + spare:
        raise Wrong(f"{name}: {got:,.0f}, the service says {before:,.0f} before and {after:,.0f} after")


def check_figures(report, moments):
    before, metrics_before, metrics_after, after = moments
    for name, (own, metric, share, spare) in FIGURES.items():
        got = report["memory"][name]
        between(name, before[own], got, after[own], share, spare)
        if metric and metrics_before:
            between(f"{name} and /metrics", metrics_before[metric], got, metrics_after[metric], share, spare)
    between("objects", before["HeapObjects"], report["counts"]["objects"], after["HeapObjects"], 0.01)
    between("goroutines", before["Goroutines"], report["counts"]["goroutines"], after["Goroutines"], 0, 3)


def check_findings(package, report):
    loud = [f for f in report["findings"] if f["severity"] != "info" and f["id"] not in KNOWN.get(package, ())]
    if loud:
        raise Wrong("; ".join(f"{f['id']} ({f['severity']}, {f['bytes']:,} B): {f['message']}" for f in loud))


def run(name, check, *arguments):
    try:
        check(*arguments)
    except (Wrong, KeyError, OSError, subprocess.SubprocessError) as problem:
        print(f"FAIL {name}: {str(problem)[:600]}", flush=True)
        return 1
    print(f"ok {name}", flush=True)
    return 0


def check(kind, seconds):
    name = f"services/{kind.package}"
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        try:
            service = kind(folder)
        except services.Missing as why:
            print(f"skip {name}: {' '.join(str(why).split())}", flush=True)
            return 0
        with service:
            try:
                service.load(seconds)
                if not service.done:
                    raise Wrong("it did no work")
                service.rest()
                report, moments = look(service)
            except (Wrong, OSError, ValueError, subprocess.SubprocessError) as problem:
                print(f"FAIL {name}: {str(problem)[:300]}", flush=True)
                return 1
            failures += run(f"{name}/figures", check_figures, report, moments)
            failures += run(f"{name}/findings", check_findings, kind.package, report)
            done = service.done
            failures += run(f"{name}/serves-on", service.load, 1)
            if service.done == done or service.process.poll() is not None:
                print(f"FAIL {name}/goes-on: it does no more work")
                failures += 1
    return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    if truth.QUICK:
        return 0
    return 1 if sum(check(kind, arguments.seconds) for kind in services.ALL
                    if not arguments.names or kind.package in arguments.names) else 0


sys.exit(main())
