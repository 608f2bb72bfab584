#!/usr/bin/env python3
"""diff and verify on programs that grow by known amounts (zoo/grows), for every Go version at hand,
with and without symbols: what grew is found at its holder with the program's own numbers, garbage
is not growth, snapshots, cores and processes give the same, and the gate breaks where it should.

usage: test_diff.py [VERSION...]
Environment: LEAKHOUND, LEAKHOUND_CACHE (its go/ has toolchains), LEAKHOUND_QUICK=1 (the newest
version only).
"""
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from truth import LEAKHOUND, QUICK, Program, Wrong, build, expect, expect_near, leakhound, versions

failures = 0


def verdict(name, work):
    global failures
    try:
        work()
    except Wrong as wrong:
        failures += 1
        print(f"FAIL {name}: {str(wrong)[:600]}", flush=True)
    else:
        print(f"ok {name}", flush=True)


def run(status, *arguments):
    done = leakhound(*arguments)
    if done.returncode != status:
        raise Wrong(f"leakhound {' '.join(map(str, arguments))}: exit status {done.returncode}, "
                    f"expected {status}: {done.stderr.decode('utf-8', 'replace')[:300]}"
                    f"{done.stdout.decode('utf-8', 'replace')[:300]}")
    return done


def diff(before, after, *options):
    done = run(0, "diff", before, after, "--format", "json", "--top", "100000", *options)
    if done.stderr:
        raise Wrong(f"diff complains: {done.stderr.decode('utf-8', 'replace')[:300]}")
    return json.loads(done.stdout)


def snapshot(target, path):
    run(0, "snapshot", target, "-o", path, "-q")
    return path


def grow(program):
    """One step; its line."""
    steps = program.truth["steps"]
    program.process.send_signal(signal.SIGUSR2)
    while program.truth["steps"] == steps:
        program.truth = program.next_truth()
    return program.truth


def holder(told, name, user):
    """The row of a variable: by its name, in a stripped program by a function that uses it."""
    for row in told["holders"]:
        if row["name"] == name:
            return row
    rows = [row for row in told["holders"] if row["kind"] == "global"
            and user in row.get("found_by", "").replace("used by ", "").split(", ")]
    if len(rows) != 1:
        raise Wrong(f"{len(rows)} rows are {name} (used by {user})")
    return rows[0]


def growth(rows):
    return sum(row["retained_bytes"]["growth"] for row in rows)


def of_type(told, name):
    return [row for row in told["types"] if row["name"] == name]


def check_growth(told, truth, scale):
    """scale: how many steps lie between the two moments."""
    expect("schema", "leakhound.diff/1", told["schema"])
    expect_near("sessions", scale * truth["grown_sessions"],
                growth([holder(told, "main.sessions", "main.login")]), 0.02)
    expect_near("listeners", scale * truth["grown_listeners"],
                growth([holder(told, "main.events", "main.growListeners")]), 0.02)
    orders = [row for row in told["holders"] if row["kind"] == "shared" and
              row["type"] == "main.order"]
    expect("sets of holders that share orders", 1, len(orders))
    alone = [row for row in told["holders"] if row["kind"] == "global" and
             row["type"].endswith("]*main.order")]
    expect("indexes of orders", 2, len(alone))
    expect_near("orders", scale * truth["grown_orders"], growth(orders + alone), 0.02)
    expect_near("cache", truth["grown_cache"],
                growth([holder(told, "main.cache", "main.emptyCache")]), 0.02)

    asking = [row for row in told["holders"] if row["name"] == "goroutines of main.ask"]
    expect("rows of goroutines", 1, len(asking))
    expect_near("what goroutines hold", scale * truth["grown_goroutines"], growth(asking), 0.02)
    sites = [site for site in told["goroutine_sites"] if site["function"] == "main.ask"]
    expect("goroutine sites", [("main.growGoroutines", scale * 400)],
           [(site["created_by"], site["count"]["growth"]) for site in sites])
    expect("goroutines", scale * 400, told["memory"]["goroutines"]["growth"])

    expect("sessions that came", [scale * 30000],
           [row["count"]["growth"] for row in of_type(told, "main.session")])
    expect("orders that came", [scale * 8000],
           [row["count"]["growth"] for row in of_type(told, "main.order")])
    expect("pages that went", [-6000],
           [row["count"]["growth"] for row in of_type(told, "main.page")])

    grown = truth["grown_cache"] + scale * sum(truth["grown_" + name] for name in (
        "sessions", "listeners", "orders", "goroutines"))
    expect_near("live heap", grown, told["memory"]["heap_live_bytes"]["growth"], 0.02)
    if told["memory"]["heap_garbage_bytes"]["growth"] < 24 << 20:
        raise Wrong(f"the garbage is not there: {told['memory']}")
    whole = sum(row["retained_bytes"]["growth"] for row in told["holders"])
    expect("growth of the holders together", told["memory"]["heap_live_bytes"]["growth"], whole)
    whole = sum(row["bytes"]["growth"] for row in told["types"])
    expect("growth of the types together", told["memory"]["heap_live_bytes"]["growth"], whole)


def check_findings(told):
    """One for each that grows and none for what does not."""
    found = {}
    for finding in told["findings"]:
        expect("confidence", "likely", finding["confidence"])
        found.setdefault(finding["id"], []).append(finding)
    expect("findings", {"goroutine-spawn-growth": 1, "map-grows-only": 3, "listener-growth": 1},
           {name: len(those) for name, those in found.items()})
    expect("goroutines", 400, found["goroutine-spawn-growth"][0]["count"])
    expect("maps", [30000, 8000, 8000], [finding["count"] for finding in found["map-grows-only"]])
    sessions = holder(told, "main.sessions", "main.login")
    expect("the map that grew most", sessions["name"], found["map-grows-only"][0]["holder"])
    listeners = holder(told, "main.events", "main.growListeners")
    expect("listeners", listeners["name"], found["listener-growth"][0]["holder"])
    if "main.growListeners.func1" not in found["listener-growth"][0]["message"]:
        raise Wrong(f"no function is named: {found['listener-growth'][0]['message']}")


def check_collections(told):
    sessions = holder(told, "main.sessions", "main.login")
    grown = sessions["grown"] or {}
    expect("what grew in sessions", ("map", 30000, 60000),
           (grown.get("kind"), grown["entries"]["before"], grown["entries"]["after"]))
    expect("growth of the map", sessions["retained_bytes"]["growth"],
           grown["retained_bytes"]["growth"])
    for side in ("before", "after"):
        if not grown["entries"][side] < grown["capacity"][side] < 4 * grown["entries"][side]:
            raise Wrong(f"the map has room for {grown['capacity']}")
        if not 200000 < grown["bytes"][side] < 8 << 20:
            raise Wrong(f"the map itself has {grown['bytes']}")
    rows = {row["type"]: row for row in told["collections"]}
    for kind, growth_of in (("map[uint64]*main.order", 8000), ("map[string]*main.order", 8000),
                            ("map[int]*main.page", -6000)):
        expect(f"entries of {kind}", growth_of, rows[kind]["entries"]["growth"])
    room = rows["[]func(int)"]["entries"]
    if room["before"] < 10000 or room["after"] < 20000 or rows["[]func(int)"]["kind"] != "slice":
        raise Wrong(f"listeners: {rows['[]func(int)']}")


def check_text(before, pid):
    text = run(0, "diff", before, pid).stdout.decode()
    first = text.split("\n\n")[0].replace("\n", " ")
    if not first.startswith("live heap +") or "grew most: " not in first or "session" not in first:
        raise Wrong(f"the first line does not answer: {first[:200]}")
    if "garbage, not counted" not in text:
        raise Wrong("garbage is not told")


def stable(told):
    """What must be the same whatever the two moments were read from."""
    return {key: [{k: v for k, v in row.items() if k != "path"} for row in told[key]]
            for key in ("holders", "types", "collections", "goroutine_sites", "findings")}


def check_sources(before, program, core, after, told):
    """The second moment as a core, and as a snapshot of that core, and the first as one, too."""
    run(0, "core", program.pid, "-o", core, "-q")
    snapshot(core, after)
    for a, b in ((before, core), (before, after)):
        other = diff(a, b)
        for key, rows in stable(told).items():
            if stable(other)[key] != rows:
                raise Wrong(f"{key} of {b} differ from those of the process")
    backwards = diff(after, before)
    expect("growth backwards", -told["memory"]["heap_live_bytes"]["growth"],
           backwards["memory"]["heap_live_bytes"]["growth"])
    same = diff(after, after)
    expect("rows that differ from themselves", [], same["holders"] + same["types"] +
           same["goroutine_sites"] + same["findings"])


def check_gate(before, pid):
    run(0, "verify", before, pid, "--max-growth", "900%", "--max-growth", "900MiB")
    told = json.loads(run(1, "verify", before, pid, "--max-growth", "900%", "--max-growth", "1MiB",
                          "--format", "json").stdout)
    expect("verdict", "broken", told["verdict"])
    expect("checks", [False, True], [check["broken"] for check in told["checks"]])
    expect("gc", None, told["gc"])
    run(1, "verify", before, pid, "--max-growth", "0%")
    run(1, "verify", before, pid, "--max-finding", "none")
    run(0, "verify", pid, pid, "--max-growth", "1%")


def program_of(version, mode, folder):
    """It is called grows in each version."""
    (folder / f"{version}-{mode}").mkdir(exist_ok=True)
    return build(version, mode, "grows", str(folder / f"{version}-{mode}" / "grows"))


def growing(version, mode, folder):
    name = f"{version}-{mode}"
    with Program(program_of(version, mode, folder)) as program:
        before = snapshot(program.pid, folder / f"{name}-before.lhsnap")
        truth = grow(program)
        told = diff(before, program.pid)
        verdict(f"{name}/growth", lambda: check_growth(told, truth, 1))
        verdict(f"{name}/same-build", lambda: expect("same build", True, told["same_build"]))
        verdict(f"{name}/findings", lambda: check_findings(told))
        verdict(f"{name}/collections", lambda: check_collections(told))
        verdict(f"{name}/text", lambda: check_text(before, program.pid))
        verdict(f"{name}/sources", lambda: check_sources(
            before, program, folder / f"{name}.core", folder / f"{name}-after.lhsnap", told))
        verdict(f"{name}/gate", lambda: check_gate(before, program.pid))
        (folder / f"{name}.core").unlink(missing_ok=True)
        return before


# ---- a collection first


def gc_of(done):
    return json.loads(done.stdout)["gc"]


def by_command(before, program):
    begun = program.ask()["num_gc"]
    told = gc_of(run(0, "verify", before, program.pid, "--max-growth", "900%", "--format", "json",
                     "--gc-command", "kill -HUP $LEAKHOUND_PID", "--gc-timeout", "30s"))
    now = program.ask()["num_gc"]
    expect("means", "command", told["means"])
    if not begun < told["cycle"] <= now:
        raise Wrong(f"cycle {told['cycle']} is not between {begun} and {now}")


def by_own_cycle(before, program):
    command = [LEAKHOUND, "verify", str(before), str(program.pid), "--max-growth", "900%", "--gc",
               "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as waiting:
        time.sleep(2)
        early = waiting.poll()
        program.process.send_signal(signal.SIGHUP)
        out, _ = waiting.communicate(timeout=60)
    expect("exit status before there was a collection", None, early)
    expect("exit status", 0, waiting.returncode)
    told = json.loads(out)["gc"]
    expect("means", "own-cycle", told["means"])
    if told["waited_ns"] < 1000000000:
        raise Wrong(f"it waited for {told['waited_ns']} ns only")


def garbage_is_collected(before, program):
    program.process.send_signal(signal.SIGUSR2)
    program.next_truth()
    told = json.loads(run(0, "verify", before, program.pid, "--max-growth", "900%", "--format",
                          "json", "--gc-command", "kill -HUP $LEAKHOUND_PID").stdout)
    garbage = told["diff"]["memory"]["heap_garbage_bytes"]["after"]
    if garbage > 1 << 20:
        raise Wrong(f"{garbage} bytes of garbage after a collection")


def no_collection(before, program):
    done = run(3, "verify", before, program.pid, "--max-growth", "900%", "--gc", "--gc-timeout",
               "1s")
    if b"GOGC=off" not in done.stderr:
        raise Wrong(f"it does not say why: {done.stderr.decode()[:300]}")
    done = run(3, "verify", before, program.pid, "--max-growth", "900%", "--gc-command", "exit 7")
    if b"exit status 7" not in done.stderr:
        raise Wrong(f"a command that fails is not told: {done.stderr.decode()[:300]}")


def collections(version, mode, folder):
    name = f"{version}-{mode}"
    with Program(program_of(version, mode, folder), "-scale", "0.2") as program:
        before = snapshot(program.pid, folder / f"{name}-gc.lhsnap")
        verdict(f"{name}/gc-command", lambda: by_command(before, program))
        verdict(f"{name}/gc-own-cycle", lambda: by_own_cycle(before, program))
        verdict(f"{name}/gc-none", lambda: no_collection(before, program))
        verdict(f"{name}/gc-no-garbage", lambda: garbage_is_collected(before, program))


# ---- other builds, other processes, wrong usage


def two_builds(normal, stripped, folder):
    """normal, stripped: snapshots of two versions' programs at the same state."""
    told = diff(normal[0], normal[1])
    expect("same build", False, told["same_build"])
    rows = {row["name"]: row["retained_bytes"] for row in told["holders"]}
    after = rows.get("main.sessions", {"before": 1, "after": 1})
    if not after["before"] or not after["after"]:
        raise Wrong("main.sessions is not matched by its name")
    told = diff(stripped[0], stripped[1])
    rows = [row for row in told["holders"] if row["name"] == "variables without names"]
    expect("rows of variables without names", 1, len(rows))
    if not any("two builds" in note for note in told["notes"]):
        raise Wrong("that these are two builds is not told")


def two_processes(version, folder):
    path = program_of(version, "pie", folder)
    with Program(path) as one, Program(path) as other:
        told = diff(one.pid, other.pid)
    expect("same build", True, told["same_build"])
    live = told["memory"]["heap_live_bytes"]
    for row in told["holders"]:
        if abs(row["retained_bytes"]["growth"]) > live["before"] // 100:
            raise Wrong(f"{row['name']} differs between two processes: {row['retained_bytes']}")
    if not any("two processes" in note for note in told["notes"]):
        raise Wrong("that these are two processes is not told")


def usage(before, folder):
    run(2, "diff", before)
    run(2, "diff", before, before, before)
    run(2, "verify", before, before)
    run(2, "verify", before, before, "--max-growth", "5")
    run(2, "verify", before, before, "--max-growth", "-5%")
    run(2, "verify", before, before, "--max-finding", "fatal")
    run(2, "verify", before, before, "--max-growth", "5%", "--gc")
    run(2, "verify", before, "1", "--max-growth", "5%", "--gc-timeout", "5s")
    run(3, "diff", before, folder / "not-there")
    cut = folder / "cut.lhsnap"
    cut.write_bytes(before.read_bytes()[:-100])
    done = run(3, "diff", before, cut)
    if str(cut).encode() not in done.stderr:
        raise Wrong(f"which of the two is damaged is not told: {done.stderr.decode()}")
    out = folder / "out.json"
    run(0, "diff", before, before, "--format", "json", "-o", out)
    expect("schema in the file", "leakhound.diff/1", json.loads(out.read_text())["schema"])
    for command in ("diff", "verify"):
        text = run(0, command, "--help").stdout.decode()
        if not text.startswith("Example: leakhound"):
            raise Wrong(f"{command} --help does not begin with an example")


def main():
    chosen = sys.argv[1:] or (versions()[-1:] if QUICK else versions())
    if not chosen:
        print("FAIL diff: there is no Go toolchain")
        return 1
    with tempfile.TemporaryDirectory(prefix="leakhound-diff-") as place:
        folder = Path(place)
        kept = {"normal": [], "stripped": []}
        for version in chosen:
            for mode in kept:
                try:
                    kept[mode].append(growing(version, mode, folder))
                except Wrong as wrong:
                    verdict(f"{version}-{mode}", lambda wrong=wrong: raise_it(wrong))
            verdict(f"{version}/two-processes", lambda version=version: two_processes(version, folder))
            collections(version, "stripped", folder)
        if len(kept["normal"]) > 1 and len(kept["stripped"]) > 1:
            verdict("two-builds", lambda: two_builds(kept["normal"][-2:], kept["stripped"][-2:],
                                                     folder))
        if kept["normal"]:
            verdict("usage", lambda: usage(kept["normal"][0], folder))
    return 1 if failures else 0


def raise_it(wrong):
    raise wrong


sys.exit(main())
