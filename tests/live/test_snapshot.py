#!/usr/bin/env python3
"""Snapshots: the same report as the target gave, none of its contents, and no damage unseen.

For every Go version at hand goprogs/planted is given a secret that it puts wherever a program keeps
data. From its core (leakhound core) and from the process a snapshot is made. Compared: the reports
of the core and of its snapshot, letter by letter; the graph, analysed anew, with the report.
The secret must be in the core and not in the snapshot.

With --with-contents it must be in the snapshot's core, and nowhere else; that core, written to a file
again, must be the process's own, and give the same report.

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


def halt(program):
    """Stops it and waits until all of its threads stand, so that two cores of it are the same."""
    os.kill(program.pid, signal.SIGSTOP)
    for task in Path(f"/proc/{program.pid}/task").iterdir():
        while not re.search(r"\) [TZ] ", (task / "stat").read_text()):
            time.sleep(0.001)


def memory_of(core):
    """The bytes of a core from its first segment on: notes tell processor time, which goes on."""
    data = core.read_bytes()
    table, = struct.unpack_from("<Q", data, 32)
    count, = struct.unpack_from("<H", data, 56)
    offsets = [struct.unpack_from("<IIQ", data, table + i * 56)[::2] for i in range(count)]
    return data[min(offset for kind, offset in offsets if kind == 1):]


def without_time(report):
    facts = comparable(report)
    del facts["target"], facts["goroutine_groups"]
    return {key: value for key, value in facts.items() if key != "memory"}


def cores_agree(name, exe, own, back, is_same_file):
    wrong = own.read_bytes() != back.read_bytes() if is_same_file else memory_of(own) != memory_of(back)
    size = back.stat()
    verdict(f"{name}/same-memory", wrong or size.st_size != own.stat().st_size)
    verdict(f"{name}/sparse", size.st_blocks * 512 > own.stat().st_blocks * 512 + (1 << 20)
            or size.st_blocks * 512 >= size.st_size)
    verdict(f"{name}/core-for-its-owner-only", size.st_mode & 0o777 != 0o600)
    select = comparable if is_same_file else without_time
    reports = [leakhound(core, "--exe", exe, "--format", "json").stdout for core in (own, back)]
    facts = [select(report) if report else {} for report in reports]
    verdict(f"{name}/same-report", not facts[0] or [key for key in {*facts[0], *facts[1]}
                                                    if facts[0].get(key) != facts[1].get(key)])


def only_in_the_core(name, program, snapshot, folder):
    chunks = folder / "chunks"
    chunks.mkdir()
    status, _, said = tool("chunks", snapshot, chunks)
    found = {chunk.name: meets(program.needles(), chunk.read_bytes()) for chunk in chunks.iterdir()}
    in_core = found.pop("CORE", [])
    missing = [why for why in ("its number", f"'{program.secret[:8]}'",
                               f"'{program.secret[:8]}' in UTF-16") if why not in in_core]
    verdict(f"{name}/secrets-in-the-core", said if status else missing)
    verdict(f"{name}/secrets-only-there", [chunk for chunk, why in found.items() if why])
    shutil.rmtree(chunks)


def contents(name, program, exe, folder):
    own, back, full = folder / "own.core", folder / "back.core", folder / "full.lhsnap"
    halt(program)
    for freeze in ("fork", "stop"):
        label = f"{name}/contents-{freeze}"
        full.write_text("readable for all")
        full.chmod(0o644)
        leakhound("core", program.pid, "-o", own, "--freeze", freeze)
        made = leakhound("snapshot", program.pid, "--with-contents", "-o", full, "--freeze", freeze)
        verdict(f"{label}/made", made.returncode or b"whole memory: may hold secrets" not in made.stderr)
        verdict(f"{label}/for-its-owner-only", full.stat().st_mode & 0o777 != 0o600)
        given = leakhound("core", full, "-o", back)
        verdict(f"{label}/given-back", given.returncode or given.stdout or b"wrote" not in given.stderr)
        cores_agree(label, exe, own, back, False)
    os.kill(program.pid, signal.SIGCONT)
    only_in_the_core(f"{name}/contents", program, full, folder)
    piped = leakhound("core", full, "-o", "-", "-q")
    verdict(f"{name}/contents-pipe", piped.stderr or piped.stdout != back.read_bytes())
    same_heap(f"{name}/contents", full)
    again = leakhound(full, "--format", "json").stdout, leakhound(back, "--exe", exe, "--format",
                                                                  "json").stdout
    verdict(f"{name}/contents-own-report", without_time(again[0]) != without_time(again[1]))
    contents_of_core(f"{name}/contents-of-core", own, exe, folder)
    running = Path(f"/proc/{program.pid}/status").read_text()
    verdict(f"{name}/contents-runs-on", "TracerPid:\t0" not in running or "State:\tT" in running)


def contents_of_core(name, own, exe, folder):
    """The core's file comes back byte for byte, and what is empty in it costs next to nothing."""
    full, back = folder / "of-core.lhsnap", folder / "back.core"
    made = leakhound("snapshot", own, "--exe", exe, "--with-contents", "-o", full)
    verdict(f"{name}/made", made.returncode or b"may hold secrets" not in made.stderr)
    leakhound("core", full, "-o", back)
    cores_agree(name, exe, own, back, True)
    small, longer = full.stat().st_size, folder / "longer.core"
    subprocess.run(["cp", "--sparse=always", own, longer], check=True)
    os.truncate(longer, own.stat().st_size + (512 << 20) + 123)
    leakhound("snapshot", longer, "--exe", exe, "--with-contents", "-o", full)
    verdict(f"{name}/holes-are-cheap", full.stat().st_size > small + (64 << 10))
    leakhound("core", full, "-o", back)
    verdict(f"{name}/holes-come-back", back.stat().st_size != longer.stat().st_size
            or back.stat().st_blocks * 512 > own.stat().st_blocks * 512 + (1 << 20))
    longer.unlink()


def contents_command_line(program, plain, folder):
    full, none = folder / "full.lhsnap", folder / "none.core"
    refusal = leakhound("core", plain, "-o", none)
    verdict("no-contents", refusal.returncode != 2 or b"--with-contents" not in refusal.stderr
            or none.exists())
    for path, words, holds in ((full, b"the whole memory: may hold secrets\n", True),
                               (plain, b"none of the memory: sizes, pointers and names\n", False)):
        text = leakhound("snapshot", "--info", path).stdout
        facts = json.loads(leakhound("snapshot", "--info", "--format", "json", path).stdout)
        verdict(f"contents-info-{path.stem}", b"contents    " + words not in text
                or facts["contents"] is not holds or facts["contents_are"] != words.decode().strip())
    for name, arguments in (("freeze-none", ("snapshot", program.pid, "--with-contents", "--freeze", "none")),
                            ("no-name", ("core", full)),
                            ("with-files", ("core", full, "--with-files", "-o", none))):
        done = leakhound(*arguments, cwd=folder)
        verdict(f"contents-usage-{name}", done.returncode != 2 or done.stderr.count(b"\n") != 1
                or none.exists())
    with open("/dev/full", "wb") as disk:
        done = subprocess.run([LEAKHOUND, "core", full, "-o", "-"], stdout=disk,
                              stderr=subprocess.PIPE, timeout=300, check=False)
    verdict("contents-full-disk", done.returncode != 3 or b"No space left" not in done.stderr)


def with_core_blocks(whole, blocks):
    """The snapshot with other blocks in chunk CORE, not compressed, all checksums right."""
    index = struct.unpack_from("<Q", whole, len(whole) - TRAILER + 16)[0]
    out, entries = bytearray(whole[:HEADER]), b""

    def put(tag, flags, number, raw, stored):
        nonlocal entries
        header = tag + struct.pack("<IIII", flags, number, raw, len(stored))
        if tag != b"INDX":
            entries += struct.pack("<Q", len(out)) + tag + struct.pack("<III", flags, raw, len(stored))
        out.extend(header + struct.pack("<I", zlib.crc32(header + stored)) + stored)

    for at in block_offsets(whole)[:-1]:
        tag = whole[at:at + 4]
        flags, number, raw, stored = struct.unpack_from("<IIII", whole, at + 4)
        if tag != b"CORE":
            put(tag, flags, number, raw, whole[at + BLOCK:at + BLOCK + stored])
        elif number == 0:
            for i, block in enumerate(blocks):
                put(tag, 1, i, len(block), block)
    index = len(out)
    put(b"INDX", 0, 0, len(entries), entries)
    end = b"LHSNEND\n" + struct.pack("<QQI", len(out) + TRAILER, index, 0)
    return bytes(out) + end + struct.pack("<I", zlib.crc32(end))


def contents_damage(folder):
    full, bad, never = folder / "full.lhsnap", folder / "damaged", folder / "never.core"
    whole = full.read_bytes()
    chosen = random.Random(4242)
    places = [at for at in block_offsets(whole) if whole[at:at + 4] == b"CORE"]
    size, = struct.unpack_from("<I", whole, places[0] + 16)
    flips = {(at + k, bit) for at in places for k in (0, 5, 12, 20, BLOCK) for bit in (0, 7)}
    flips |= {(places[0] + BLOCK + chosen.randrange(size), chosen.randrange(8))
              for _ in range(20 if QUICK else 100)}
    command = ("core", bad, "-o", never)
    wrong = None if places else "no chunk CORE"
    for at, bit in sorted(flips):
        data = bytearray(whole)
        data[at] ^= 1 << bit
        bad.write_bytes(data)
        wrong = wrong or refused(bad) or refused(bad, 3, command) or never.exists()
    verdict(f"contents-flipped ({len(flips)} bits)", wrong)
    wrong = None
    for _ in range(10 if QUICK else 50):
        bad.write_bytes(whole[:places[0] + chosen.randrange(BLOCK + size)])
        wrong = wrong or refused(bad, 3, command) or never.exists()
    verdict("contents-cut", wrong)

    page, block = b"page" * 1024, 4 << 20

    def part(length, pages, *data):
        return struct.pack("<I", length) + bytes(pages) + b"".join(data)

    bad.write_bytes(with_core_blocks(whole, [part(block, [0] * 128), part(5000, [2], page[:904])]))
    good = leakhound(*command)
    verdict("contents-crafted", good.stderr if good.returncode or never.read_bytes()
            != bytes(block + 4096) + page[:904] else None)
    never.unlink(missing_ok=True)
    for name, blocks in {
            "nothing": [b""],
            "no-length": [b"\1\0\0"],
            "empty": [part(0, [])],
            "too-long": [part(block + 1, [0] * 129)],
            "huge": [part(0xffffffff, [0] * 128)],
            "cut-map": [part(block, [0] * 127)],
            "page-behind": [part(5000, [4], page)],
            "page-missing": [part(5000, [1])],
            "page-cut": [part(8192, [2], page[:4095])],
            "too-many": [part(8192, [1], page, page)],
            "short-in-the-middle": [part(8192, [0]), part(8192, [0])],
    }.items():
        bad.write_bytes(with_core_blocks(whole, blocks))
        verdict(f"contents-crafted/{name}", refused(bad, 3, command) or never.exists())


def refused(path, status=3, command=None):
    """What is wrong with how a damaged file is refused, or None."""
    done = leakhound(*(command or (path,)))
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
        contents(version, program, exe, folder)
        if version == versions()[-1]:
            command_line(program, snapshot, exe, folder)
            contents_command_line(program, snapshot, folder)
            core.unlink()  # a snapshot needs neither core nor executable
            exe.rename(folder / "elsewhere")
            verdict("alone", leakhound(snapshot).returncode)
            damage(snapshot, folder)
            contents_damage(folder)
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
