"""ELF cores for the tests: read as the specification says, compared with the process that stands.

Core reads a core; check_file() compares one with a process that halt() has stopped; check_tools()
asks readelf. write_core() lets leakhound write one. run_test() prints a verdict.
"""
import os
import re
import signal
import struct
import shutil
import subprocess
import time
from pathlib import Path

from truth import Wrong, expect, leakhound

PAGE = 4096
PT_LOAD, PT_NOTE, PN_XNUM = 1, 4, 0xffff
NT_PRSTATUS, NT_PRPSINFO, NT_AUXV, NT_FPREGSET = 1, 3, 6, 2
NT_SIGINFO, NT_FILE, NT_X86_XSTATE = 0x53494749, 0x46494c45, 0x202
failed = []  # names of tests


class Skip(Exception):
    """Why a test cannot be run here."""


def verdict(name, wrong):
    if wrong:
        failed.append(name)
        print(f"FAIL {name}: {str(wrong)[:300]}", flush=True)
    else:
        print(f"ok {name}", flush=True)


def run_test(name, test, *arguments):
    try:
        verdict(name, test(*arguments))
    except Skip as why:
        print(f"skip {name}: {why}", flush=True)
    except (Wrong, OSError, ValueError, KeyError, struct.error, subprocess.SubprocessError) as why:
        verdict(name, f"{type(why).__name__}: {why}")


def halt(pid):
    """Stops a process and waits until all of its threads stand."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + 60
    for task in Path(f"/proc/{pid}/task").iterdir():
        while not re.search(r"\) [TZ] ", (task / "stat").read_text()):
            if time.monotonic() > deadline:
                raise Wrong(f"thread {task.name} does not stop")
            time.sleep(0.001)


def write_core(pid, path, *options):
    path.unlink(missing_ok=True)
    done = leakhound("core", pid, "-o", path, *options)
    said = done.stderr.decode()
    if done.returncode or done.stdout:
        raise Wrong(f"exit status {done.returncode}: {said[:200]}")
    if said.count("\n") != 1 or f"wrote {path}: " not in said or "stood still for" not in said:
        raise Wrong(f"closing line: {said!r}")
    return path


def goes_on(pid):
    """None when the process is well."""
    deadline = time.monotonic() + 30
    while True:
        status = Path(f"/proc/{pid}/status").read_text()
        if "TracerPid:\t0\n" in status and not re.search(r"^State:\t[tTZX]", status, re.M):
            return None
        if time.monotonic() > deadline:
            return f"process {pid} does not go on: {status[:120]!r}"
        time.sleep(0.01)


def tool(*command):
    """Standard output of a tool that must have nothing to complain of."""
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=300, check=False, env={**os.environ, "LC_ALL": "C"})
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode or done.stderr:
        raise Wrong(f"{command[0]}: {done.returncode}, {done.stderr.decode()[:200]!r}")
    return output


class Core:
    """A core as the ELF specification reads it."""

    def __init__(self, path):
        self.file = open(path, "rb")
        header = struct.unpack("<16sHHIQQQIHHHHHH", self.file.read(64))
        expect("magic", b"\x7fELF\x02\x01\x01", header[0][:7])
        expect("type", 4, header[1])
        count, table = header[10], header[5]
        if count == PN_XNUM:
            self.file.seek(header[6])
            count = struct.unpack("<IIQQQQIIQQ", self.file.read(64))[7]
        self.file.seek(table)
        self.segments = [struct.unpack("<IIQQQQQQ", self.file.read(56)) for _ in range(count)]
        self.loads = [s for s in self.segments if s[0] == PT_LOAD]
        self.notes = [n for s in self.segments if s[0] == PT_NOTE for n in self.read_notes(s)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def read_notes(self, segment):
        self.file.seek(segment[2])
        data, at = self.file.read(segment[5]), 0
        while at < len(data):
            name_size, size, kind = struct.unpack_from("<III", data, at)
            name = data[at + 12:at + 12 + name_size].rstrip(b"\0").decode()
            at += 12 + (name_size + 3) // 4 * 4
            yield name, kind, data[at:at + size]
            at += (size + 3) // 4 * 4

    def threads(self):
        """(tid, pc, sp) in their order."""
        for _, kind, data in self.notes:
            if kind == NT_PRSTATUS:
                registers = struct.unpack_from("<27Q", data, 112)
                yield struct.unpack_from("<I", data, 32)[0], registers[16], registers[19]

    def load_at(self, address):
        for load in self.loads:
            if load[3] <= address < load[3] + load[6]:
                return load
        return None

    def byte(self, address):
        """None where the core has a segment without bytes, or none."""
        load = self.load_at(address)
        if not load or address - load[3] >= load[5]:
            return None
        self.file.seek(load[2] + address - load[3])
        return self.file.read(1)[0]


def present_pages(pid, start, end):
    """For each page whether it is in memory or swapped out."""
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as page_map:
        data = os.pread(page_map.fileno(), (end - start) // PAGE * 8, start // PAGE * 8)
    return [entry >> 62 != 0 for entry in struct.unpack(f"<{len(data) // 8}Q", data)]


def only_rseq(got, want):
    """The kernel notes in a thread's struct rseq of 32 bytes on which processor it woke up."""
    if len(got) != len(want):
        return False
    places = {i // 32 for i, (a, b) in enumerate(zip(got, want)) if a != b}
    return len(places) == 1


def same_memory(pid, core):
    """Every byte that the core has is that of the process; what it leaves out is not there."""
    memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        for _, flags, offset, start, _, size, full, align in core.loads:
            if offset % PAGE or align != PAGE or start % PAGE or size > full:
                return f"segment at {start:#x}: offset {offset:#x}, {size:#x} of {full:#x} bytes"
            core.file.seek(offset)
            for at in range(start, start + size, 1 << 20):
                n = min(1 << 20, start + size - at)
                got, want = core.file.read(n), os.pread(memory, n, at)
                if got != want and not only_rseq(got, want):
                    return f"bytes at {at:#x} differ"
    finally:
        os.close(memory)
    return None


def mapping_lines(pid):
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, access, _, _, inode, *path = line.split(maxsplit=5)
        start, end = (int(x, 16) for x in span.split("-"))
        yield start, end, access, int(inode), path[0] if path else ""


def same_mappings(pid, core):
    """All mappings but the kernel's own, with their access; anonymous pages are all there."""
    at = 0
    for start, end, access, inode, path in mapping_lines(pid):
        if path.startswith("[vvar"):
            continue
        want = sum(bit for letter, bit in zip("rwx", (4, 2, 1)) if letter in access)
        here = start
        while here < end:
            if at == len(core.loads) or core.loads[at][3] != here:
                return f"no segment at {here:#x}"
            load, at = core.loads[at], at + 1
            if load[1] != want:
                return f"access {load[1]} at {here:#x}, not {access}"
            if inode == 0 and "r" in access and not path.startswith("[v"):
                first = load[3] + load[5]
                if load[3] + load[6] - first <= 256 << 20 and any(
                        present_pages(pid, first, load[3] + load[6])):
                    excluded = "dd" in vm_flags(pid, start)
                    if not excluded:
                        return f"pages behind {first:#x} are left out"
            here = load[3] + load[6]
        if here != end:
            return f"segments end at {here:#x}, not {end:#x}"
    return None if at == len(core.loads) else "segments that are no mappings"


def vm_flags(pid, start):
    text = Path(f"/proc/{pid}/smaps").read_text()
    part = text[text.index(f"{start:08x}-"):]
    return re.search(r"^VmFlags:(.*)$", part, re.M).group(1).split()


def same_registers(pid, core):
    """/proc/PID/task/TID/syscall tells where a thread that stands is, and its stack pointer."""
    threads = list(core.threads())
    want = sorted(int(p.name) for p in Path(f"/proc/{pid}/task").iterdir())
    expect("threads", want, sorted(t[0] for t in threads))
    expect("first thread", pid, threads[0][0])
    for tid, pc, sp in threads:
        told = Path(f"/proc/{pid}/task/{tid}/syscall").read_text().split()
        if told == ["running"]:
            continue
        if (int(told[-1], 16), int(told[-2], 16)) != (pc, sp):
            return f"thread {tid}: pc {pc:#x}, sp {sp:#x}, the kernel says {told[-2:]}"
    return None


def same_notes(pid, core):
    kinds = [(name, kind) for name, kind, _ in core.notes]
    for note in (("CORE", NT_PRPSINFO), ("CORE", NT_AUXV), ("CORE", NT_FILE)):
        expect(f"notes {note}", 1, kinds.count(note))
    threads = kinds.count(("CORE", NT_PRSTATUS))
    expect("NT_FPREGSET", threads, kinds.count(("CORE", NT_FPREGSET)))
    expect("NT_X86_XSTATE", threads, kinds.count(("LINUX", NT_X86_XSTATE)))
    expect("first note", ("CORE", NT_PRSTATUS), kinds[0])
    if ("CORE", NT_SIGINFO) not in kinds:
        return "no NT_SIGINFO"
    data = {kind: data for _, kind, data in core.notes}
    expect("auxv", Path(f"/proc/{pid}/auxv").read_bytes(), data[NT_AUXV])
    files = data[NT_FILE]
    count, unit = struct.unpack_from("<QQ", files)
    words = struct.unpack_from(f"<{3 * count}Q", files, 16)
    names = files[16 + 24 * count:].split(b"\0")[:count]
    got = [(words[3 * i], words[3 * i + 1], names[i].decode()) for i in range(count)]
    want = [(start, end, path) for start, end, _, _, path in mapping_lines(pid)
            if path.startswith("/")]
    expect("unit of NT_FILE", PAGE, unit)
    expect("NT_FILE", want, got)
    name = data[NT_PRPSINFO][40:56].rstrip(b"\0").decode()
    expect("name", Path(f"/proc/{pid}/comm").read_text().strip(), name)
    return None


def check_file(pid, path):
    with Core(path) as core:
        return (same_memory(pid, core) or same_mappings(pid, core) or same_registers(pid, core) or
                same_notes(pid, core))


def check_tools(path):
    for options in ("-lW", "-nW", "-hW"):
        if "arning" in tool("readelf", options, path):
            return f"readelf {options} warns"
    if shutil.which("eu-readelf"):
        shown = tool("eu-readelf", "-n", path)
        with Core(path) as core:
            for tid, pc, _ in core.threads():
                if f"pid: {tid}," not in shown or f"{pc:#018x}" not in shown:
                    return f"eu-readelf does not show thread {tid}"
    return None
