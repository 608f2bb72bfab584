#!/usr/bin/env python3
"""Snapshots: the same report as the target gave, none of its contents, and no damage unseen.

For every Go version at hand goprogs/planted is given a secret that it puts wherever a program keeps
data. From its core (leakhound core) and from the process a snapshot is made. Compared: the reports
of the core and of its snapshot, letter by letter; the graph, analysed anew, with the report.
The secret must be in the core and not in the snapshot.

usage: test_snapshot.py [VERSION...]
Environment: LEAKHOUND, LEAKHOUND_BUILD (folder of the test tools), LEAKHOUND_CACHE (its go/ has
toolchains), LEAKHOUND_QUICK=1 (one version, less damage).
"""
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LEAKHOUND = os.environ.get("LEAKHOUND", str(ROOT / "build" / "leakhound"))
BUILD = Path(os.environ.get("LEAKHOUND_BUILD", ROOT / "build"))
CACHE = Path(os.environ.get("LEAKHOUND_CACHE", Path.home() / ".cache" / "leakhound"))
QUICK = bool(os.environ.get("LEAKHOUND_QUICK"))
HEADER, BLOCK, ENTRY, TRAILER = 32, 24, 24, 32  # docs/snapshot-format.md
failures = 0


def verdict(name, wrong):
    global failures
    if wrong:
        failures += 1
        print(f"FAIL {name}: {str(wrong)[:400]}")
    else:
        print(f"ok {name}", flush=True)


def leakhound(*arguments, **options):
    return subprocess.run([LEAKHOUND, *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=300, check=False, **options)


def tool(*arguments):
    path = BUILD / "tests" / "test-tool-snapshot_dump"
    done = subprocess.run([str(path), *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=300, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def versions():
    found = sorted((p.parent.parent.name for p in (CACHE / "go").glob("1.*/bin/go")),
                   key=lambda name: int(name.split(".")[1]))
    return found[-1:] if QUICK else found


def build(version, folder):
    environment = dict(os.environ, GO111MODULE="off", GOTOOLCHAIN="local", GOFLAGS="",
                       CGO_ENABLED="0")
    out = folder / f"planted-{version}"
    subprocess.run([str(CACHE / "go" / version / "bin" / "go"), "build", "-o", str(out), "."],
                   cwd=ROOT / "tests/live/goprogs/planted", env=environment, check=True)
    return out


class Program:
    """The running program and its secret."""

    def __init__(self, path):
        letters = "abcdefghijkmnpqrstuvwxyz"
        self.secret = "Zq" + "".join(random.SystemRandom().choice(letters) for _ in range(30))
        self.process = subprocess.Popen([str(path), self.secret], stdout=subprocess.PIPE,
                                        env={"PLANTED": "env-" + self.secret})
        if self.process.stdout.readline() != b"ready\n":
            raise RuntimeError("the program did not start")
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def needles(self):
        """Every way in which eight characters of the secret in a row may stand somewhere."""
        secret = self.secret
        found = {}
        for at in range(len(secret) - 7):
            part = secret[at:at + 8]
            for text in (part, part.upper()):
                found[text.encode()] = f"'{text}'"
                found[text.encode("utf-16-le")] = f"'{text}' in UTF-16"
        for i in range(0, 200, 50):
            number = struct.unpack("<Q", secret[:8].encode())[0] + i
            found.setdefault(struct.pack("<Q", number), "its number")
            found[struct.pack(">Q", number)] = "its number, big endian"
            found[leb128(number)] = "its number in LEB128"
            found[str(number).encode()] = "its number in digits"
        return found


def leb128(number):
    out = b""
    while number >= 128:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def meets(needles, data):
    return sorted({why for needle, why in needles.items() if needle in data})


def planted(name, program, core, snapshot, folder):
    needles = program.needles()
    chunks = folder / "chunks"
    chunks.mkdir(exist_ok=True)
    status, _, said = tool("chunks", snapshot, chunks)
    verdict(f"{name}/chunks", said if status else None)
    wrong = meets(needles, snapshot.read_bytes())
    for chunk in chunks.iterdir():
        wrong += [f"{chunk.name}: {why}" for why in meets(needles, chunk.read_bytes())]
    verdict(f"{name}/no-contents", wrong)
    in_core = meets(needles, core.read_bytes())
    missing = [why for why in ("its number", f"'{program.secret[:8]}'",
                               f"'{program.secret[:8]}' in UTF-16",
                               f"'{program.secret[:8].upper()}'") if why not in in_core]
    verdict(f"{name}/the-search-finds-it-in-a-core", missing)
    shutil.rmtree(chunks)


def comparable(report):
    """A report without what is leakhound's own and what says where it comes from."""
    report = json.loads(report)
    del report["tool"]
    for key in ("kind", "source", "core"):
        report["target"].pop(key, None)
    return report


def tables_only(report):
    report = json.loads(report)
    return {"holders": [(h["name"], h["kind"], h["retained_bytes"], h["objects"], h["path"])
                        for h in report["holders"] if h["kind"] == "global"],
            "shared": report["shared"]}


def same_report(name, core, exe, snapshot):
    for extra in (["--top", 3], [], ["--top", 50]):
        label = f"{name}/report" + ("-top-%d" % extra[1] if extra else "")
        one = leakhound(core, "--exe", exe, "--format", "json", *extra)
        two = leakhound(snapshot, "--format", "json", *extra)
        wrong = one.stderr.decode() + two.stderr.decode()
        if not wrong:
            a, b = comparable(one.stdout), comparable(two.stdout)
            wrong = [key for key in {*a, *b} if a.get(key) != b.get(key)]
        verdict(label, wrong)
    kind = json.loads(leakhound(snapshot, "--format", "json").stdout)["target"]
    verdict(f"{name}/kind", (kind["kind"], kind["source"]) != ("snapshot", "core"))
    texts = [leakhound(*arguments).stdout.decode().split("\n\n", 1)
             for arguments in ((core, "--exe", exe), (snapshot,))]
    verdict(f"{name}/text", texts[0][1] != texts[1][1] or "snapshot of core of" not in texts[1][0])


def same_heap(name, snapshot):
    status, out, said = tool("heap", snapshot)
    facts = dict(line.rsplit(" ", 1) for line in out.splitlines())
    wrong = [said] if status else []
    for key in facts:
        if key.startswith("expected_") and facts[key] != facts[key[len("expected_"):]]:
            wrong.append(f"{key} {facts[key]}, found {facts[key[len('expected_'):]]}")
    wrong += [f"{key} {facts.get(key)}" for key in ("wrong_holders", "lost_steps", "other_types")
              if facts.get(key) != "0"]
    wrong += [f"{key} {facts.get(key, 0)}" for key in ("objects", "holders", "steps", "fields")
              if int(facts.get(key, 0)) < 20]
    verdict(f"{name}/graph", wrong)


def goroutines(name, snapshot):
    """Frames are compared with the runtime's own by test_stacks.py; here, that they are there."""
    status, out, said = tool("goroutines", snapshot)
    ours = {}
    for line in out.splitlines():
        number, state, _, creator, *frames = line.split("\t")
        ours[int(number)] = (state, creator, [frame.split(" ")[0] for frame in frames])
    held = [g for g in ours.values() if "main.holdOnStack" in g[2]]
    wrong = said if status else None
    if not wrong and len(held) != 5:
        wrong = f"{len(held)} goroutines in main.holdOnStack"
    elif not wrong and not all(g[0].startswith("select") and g[1] == "runtime/pprof.Do"
                               or g[1] == "main.main" for g in held):
        wrong = held[0]
    elif not wrong and not any("main.main" in g[2] for g in ours.values()):
        wrong = "no goroutine in main.main"
    verdict(f"{name}/goroutines", wrong)


def live(name, program, folder):
    snapshot = folder / "live.lhsnap"
    made = leakhound("snapshot", program.pid, "-o", snapshot)
    said = made.stderr.decode()
    good = re.fullmatch(r"wrote \S+live\.lhsnap: [\d.]+ \wiB, [\d,]+ objects, [\d.]+ bytes per "
                        r"object; \S+ stood still for .+ \(\w+\)\n", said)
    verdict(f"{name}/live", made.returncode or made.stdout or not good and said)
    a = leakhound(program.pid, "--format", "json", "--top", 1000)
    b = leakhound(snapshot, "--format", "json", "--top", 1000)
    verdict(f"{name}/live-same-holders", tables_only(a.stdout) != tables_only(b.stdout))
    target = json.loads(b.stdout)["target"]
    verdict(f"{name}/live-target", (target["pid"], target["source"]) != (program.pid, "live")
            or not target["stopped_ns"])
    racy = leakhound("snapshot", program.pid, "-o", snapshot, "--freeze", "none")
    shown = leakhound(snapshot)
    verdict(f"{name}/freeze-none", racy.stderr if b"while it ran" not in racy.stderr
            or b"read while it ran" not in shown.stdout else None)
    running = Path(f"/proc/{program.pid}/status").read_text()
    verdict(f"{name}/target-runs-on", "TracerPid:\t0" not in running or "State:\tT" in running)


def refused(path, status=3):
    """What is wrong with how a damaged file is refused, or None."""
    done = leakhound(path)
    said = done.stderr.decode(errors="replace")
    if done.returncode != status or done.stdout:
        return f"exit status {done.returncode}: {said}"
    if said.count("\n") != 1 or (status == 3 and "offset" not in said):
        return f"no offset: {said!r}"
    return None


def block_offsets(data):
    index = struct.unpack_from("<Q", data, len(data) - TRAILER + 16)[0]
    entries = range(index + BLOCK, len(data) - TRAILER, ENTRY)
    return [struct.unpack_from("<Q", data, at)[0] for at in entries] + [index]


def damage(snapshot, folder):
    whole = snapshot.read_bytes()
    chosen = random.Random(4242)
    bad = folder / "damaged"
    places = block_offsets(whole)
    cuts = {0, 1, 7, 8, HEADER - 1, HEADER, len(whole) - 1, len(whole) - TRAILER}
    for place in places:
        cuts |= {place - 1, place, place + 1, place + BLOCK}
    cuts |= {chosen.randrange(len(whole)) for _ in range(20 if QUICK else 200)}
    wrong = None
    for cut in sorted(cuts - {0}):
        bad.write_bytes(whole[:cut])
        wrong = wrong or refused(bad) and f"cut at {cut} of {len(whole)}: {refused(bad)}"
    verdict(f"cut ({len(cuts)} places)", wrong)

    flips = {(place + k, bit) for place in places for k in (0, 5, 12, 20, BLOCK) for bit in (0, 7)}
    flips |= {(chosen.randrange(len(whole)), chosen.randrange(8))
              for _ in range(30 if QUICK else 300)}
    flips |= {(at, chosen.randrange(8)) for at in range(HEADER)}
    wrong = None
    for at, bit in sorted(flips):
        data = bytearray(whole)
        data[at] ^= 1 << bit
        bad.write_bytes(data)
        wrong = wrong or refused(bad) and f"bit {bit} at {at} of {len(whole)}: {refused(bad)}"
    verdict(f"flipped ({len(flips)} bits)", wrong)

    bad.write_bytes(whole + b"\0")
    verdict("longer", refused(bad))
    bad.write_bytes(whole + whole)
    verdict("twice", refused(bad))
    newer = bytearray(whole)
    struct.pack_into("<I", newer, 8, 2)
    struct.pack_into("<I", newer, HEADER - 4, zlib.crc32(newer[:HEADER - 4]))
    bad.write_bytes(newer)
    verdict("newer-format", refused(bad, 4))
    verdict("newer-format-info", leakhound("snapshot", "--info", bad).returncode != 4)
    verdict("damaged-info", leakhound("snapshot", "--info", folder / "none").returncode != 3)


def command_line(program, snapshot, exe, folder):
    odd = folder / "core.1"
    shutil.copy(snapshot, odd)
    verdict("known-by-its-contents", leakhound(odd).stdout != leakhound(snapshot).stdout)
    info = leakhound("snapshot", "--info", snapshot)
    verdict("info", info.returncode or b"bytes per object" not in info.stdout
            or b"EDGE" not in info.stdout)
    facts = json.loads(leakhound("snapshot", "--info", "--format", "json", snapshot).stdout)
    stored = sum(chunk["stored_bytes"] for chunk in facts["chunks"])
    blocks = sum(chunk["blocks"] for chunk in facts["chunks"])
    verdict("info-json", facts["schema"] != "leakhound.snapshot/1" or facts["contents"]
            or facts["file_bytes"] != snapshot.stat().st_size
            or facts["file_bytes"] != HEADER + stored + BLOCK + ENTRY * blocks + TRAILER)
    empty = folder / "empty"
    empty.mkdir()
    made = leakhound("snapshot", program.pid, cwd=empty)
    names = [path.name for path in empty.iterdir()]
    pattern = rf"{re.escape(exe.name)}-{program.pid}-\d{{8}}T\d{{6}}Z\.lhsnap"
    verdict("default-name", made.returncode or len(names) != 1 or not re.fullmatch(pattern, names[0]))
    verdict("default-name-said", names[0].encode() not in made.stderr if names else "no file")
    again = leakhound("snapshot", snapshot)
    verdict("of-a-snapshot", again.returncode != 2 or b"snapshot already" not in again.stderr)
    verdict("format-without-info", leakhound("snapshot", "1", "--format", "json").returncode != 2)
    to_pipe = leakhound("snapshot", program.pid, "-o", "-", "-q")
    piped = folder / "piped"
    piped.write_bytes(to_pipe.stdout)
    verdict("standard-output", to_pipe.stderr or leakhound(piped).returncode)

    kept = folder / "kept"
    kept.write_text("precious")
    verdict("error-keeps-the-old", leakhound("snapshot", 4194303, "-o", kept).returncode != 3
            or kept.read_text() != "precious")
    before = set(folder.iterdir())
    for number in (signal.SIGINT, signal.SIGTERM):
        for delay in (0.001, 0.02, 0.05):
            child = subprocess.Popen([LEAKHOUND, "snapshot", str(program.pid), "-o", folder / "late"],
                                     stderr=subprocess.DEVNULL)
            time.sleep(delay)
            child.send_signal(number)
            child.wait()
    left = {path for path in folder.iterdir() if path.name != "late"} - before
    late = folder / "late"
    verdict("signals-leave-nothing", left or late.exists() and leakhound(late).returncode)
    full = leakhound("snapshot", program.pid, "-o", "/dev/full")
    verdict("full-disk", full.returncode != 3 or b"No space left" not in full.stderr)


def test_version(version, folder):
    exe = build(version, folder)
    with Program(exe) as program:
        core, snapshot = folder / "core", folder / f"{version}.lhsnap"
        dumped = leakhound("core", program.pid, "-o", core)
        if dumped.returncode:
            return verdict(f"{version}/core", dumped.stderr.decode())
        made = leakhound("snapshot", core, "--exe", exe, "-o", snapshot)
        verdict(f"{version}/made", made.returncode or b"from a core" not in made.stderr)
        same_report(version, core, exe, snapshot)
        same_heap(version, snapshot)
        goroutines(version, snapshot)
        planted(version, program, core, snapshot, folder)
        live(version, program, folder)
        planted(f"{version}/live", program, core, folder / "live.lhsnap", folder)
        if version == versions()[-1]:
            command_line(program, snapshot, exe, folder)
            core.unlink()  # a snapshot needs neither core nor executable
            exe.rename(folder / "elsewhere")
            verdict("alone", leakhound(snapshot).returncode)
            damage(snapshot, folder)
        return None


def main():
    wanted = sys.argv[1:] or versions()
    if not os.access(LEAKHOUND, os.X_OK):
        print(f"skip snapshot: no {LEAKHOUND}")
        return 0
    if not wanted:
        print("skip snapshot: no Go toolchain")
        return 0
    for version in wanted:
        with tempfile.TemporaryDirectory() as folder:
            test_version(version, Path(folder))
    return 1 if failures else 0


sys.exit(main())
