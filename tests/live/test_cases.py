#!/usr/bin/env python3
"""The pages of docs/cases: `leakhound explain` shows all of them, their examples compile, what they say
of Go is so with every version at hand, and what they show of the report is what it prints.

usage: test_cases.py [--update [ID...]]
  --update  write what leakhound prints into the pages (of these ids): look at the difference
Environment: LEAKHOUND (the binary), LEAKHOUND_CACHE (its go/ has the toolchains; without one only the
pages themselves are checked), LEAKHOUND_QUICK=1 (no examples, no programs).
"""
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

import truth
from truth import LEAKHOUND, ROOT, Wrong, expect, minor

PAGES = ROOT / "docs" / "cases"
FACTS = Path(__file__).resolve().parent / "goprogs" / "case_facts"
SECTIONS = ["What it is", "Example", "What leakhound prints", "How to mend it", "How to be sure",
            "When it is not a leak"]
FENCED = re.compile(r"^```.*?^```$", re.M | re.S)
LINK = re.compile(r"\[([^\]`]+)\]\(([^)]*)\)")
MOST_LINES = 100
OLDEST = "1.15"
# What case_facts prints is true but for these, by version.
FALSE_FACTS = {
    "slices-delete-frees": lambda version: version < 22,
    "empty-clone-frees": lambda version: 22 <= version < 24,
    "deleted-key-stays": lambda version: version >= 24,
    "cleanup-that-closes-over-its-object-panics": lambda version: version < 26,
    # They are built without a module, so that asynctimerchan=1 is the default while it exists.
    "forgotten-timer-stays": lambda version: version >= 27,
}
FACTS_OF = {15: 19, 21: 22, 24: 26}  # how many there are from that version on
PACKAGES = {name.rsplit("/", 1)[-1]: name for name in (
    "arena bytes context encoding/json errors fmt io net/http os runtime runtime/debug slices strings sync"
    " sync/atomic time unique").split()}


def pages():
    return {path.stem: path.read_text() for path in sorted(PAGES.glob("*.md")) if path.stem != "README"}


def explain(*arguments):
    done = subprocess.run([LEAKHOUND, "explain", *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    expect(f"exit status of explain {arguments}", 0, done.returncode)
    return done.stdout


def heads(text):
    """A page's summary, its class and the versions that it names."""
    title, _, second = text.split("\n")[:3]
    found = re.fullmatch(r"Class: (.+?)\. Affects: (.+)\.", second)
    if not found:
        raise Wrong(f"second line: {second!r}")
    return title.split(": ", 1)[1], found[1], found[2]


def check_lists():
    listed = [line.split(None, 1) for line in explain().splitlines()]
    expect("ids that explain lists", sorted(pages()), [name for name, _ in listed])
    expect("summaries", {name: heads(text)[0] for name, text in pages().items()}, dict(listed))
    rows = re.findall(r"^\| \[(\S+)\]\((\S+)\.md\) \| (.+) \| (.+) \| (.+) \|$",
                      (PAGES / "README.md").read_text(), re.M)
    expect("rows of the index", {name: (name, *heads(text)) for name, text in pages().items()},
           {row[0]: row[1:] for row in rows})


def check_page(name, text):
    expect("sections", SECTIONS, re.findall(r"^## (.*)$", text, re.M))
    expect("markdown as written", text, explain("--format", "markdown", name))
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        raise Wrong(f"{len(lines)} lines")
    if "PID" not in text.split("## How to be sure")[1]:
        raise Wrong("no command that shows whether it is mended")
    if re.search(r"^    ", FENCED.sub("", text), re.M):
        raise Wrong("code without a fence")
    prose = FENCED.sub("", text)
    for _, link in LINK.findall(prose):
        if not (PAGES / link).exists():
            raise Wrong(f"a link to {link}")
    if not prose.isascii():
        raise Wrong("characters beyond ASCII")


def on_terminal(columns, *arguments, **environment):
    child, terminal = pty.fork()
    if child == 0:
        try:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
            os.execve(LEAKHOUND, [LEAKHOUND, *arguments],
                      {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": "", **environment})
        finally:
            os._exit(127)  # the child is not to go on with the tests
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
    return output.decode().replace("\r\n", "\n")


def check_rendering(name, text):
    shown = on_terminal(60, "explain", name)
    if not shown.startswith(f"\033[1m{name}: ") or "\n\033[1mEXAMPLE\033[0m\n" not in shown:
        raise Wrong("headings are not bold")
    plain = re.sub(r"\033\[[0-9;]*m", "", shown)
    prose = [line for line in plain.splitlines() if not line.startswith("    ")]
    for line in prose:
        if len(line) > 60:
            raise Wrong(f"wider than the terminal: {line!r}")
        if re.search(r"`|\*\*|\]\(|^#", line):
            raise Wrong(f"markdown is left: {line!r}")
    code = [line for block in re.findall(r"^```.*?\n(.*?)^```$", text, re.M | re.S)
            for line in block.splitlines()]
    for line in code:
        if line.strip() and "    " + line.expandtabs(4) not in plain.splitlines():
            raise Wrong(f"code is changed: {line!r}")
    prose = LINK.sub(r"\1", FENCED.sub("", text))
    words = re.sub(r"[`*]|^#+ ", "", prose, flags=re.M).lower().split()
    left = re.sub(r"^    .*$", "", plain, flags=re.M).lower().split()
    missing = [word for word in words if word not in set(left)]
    if missing:
        raise Wrong(f"words are lost: {missing[:5]}")


def blocks(text):
    """(place in the page, the first version that can build it, experiment, code) of its Go examples."""
    found = re.findall(r"^```go(?: (1\.\d+))?(?: (arenas))?\n(.*?)^```$", text, re.M | re.S)
    return [(i, version or OLDEST, experiment, code) for i, (version, experiment, code) in enumerate(found)]


def source(code):
    used = sorted({PACKAGES[word] for word in re.findall(r"\b([a-z]+)\.[A-Z]", code) if word in PACKAGES})
    imports = "".join(f'\t"{name}"\n' for name in used)
    return f"package example\n\n" + (f"import (\n{imports})\n\n" if used else "") + code


def go(version, folder, experiment, *arguments):
    environment = dict(os.environ, GO111MODULE="off", GOTOOLCHAIN="local", GOFLAGS="", CGO_ENABLED="0",
                       GOPATH=str(folder), GOEXPERIMENT=experiment)
    return subprocess.run([truth.CACHE / "go" / version / "bin" / "go", *arguments], env=environment,
                          cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)


def check_examples(versions):
    """All examples of a version are built by one command, and those that mend are vetted."""
    wanted = {}  # (version, experiment) -> packages
    with tempfile.TemporaryDirectory() as folder:
        for name, text in pages().items():
            expect(f"examples of {name}, two at least", True, len(blocks(text)) >= 2)
            for i, first, experiment, code in blocks(text):
                package = f"{name.replace('-', '_')}_{i}"
                target = Path(folder) / "src" / package
                target.mkdir(parents=True)
                (target / "example.go").write_text(source(code))
                fit = [v for v in versions if minor(v) >= minor(first)]
                for version in {fit[0], fit[-1]} if fit else ():
                    wanted.setdefault((version, experiment), []).append(package)
        for (version, experiment), packages in sorted(wanted.items()):
            built = go(version, folder, experiment, "build", *packages)
            if built.returncode:
                raise Wrong(f"go {version}: {built.stdout.strip()[:300]}")
            mending = [package for package in packages if not package.endswith("_0")]
            vetted = go(version, folder, experiment, "vet", *mending)
            if vetted.returncode:
                raise Wrong(f"go vet {version}: {vetted.stdout.strip()[:300]}")
        lost = go(versions[-1], folder, "", "vet", "context_children_0")
        expect("go vet finds the lost cancel", True, "cancel function is not used on all paths" in lost.stdout)


def told_by(program, **settings):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GO")}
    done = subprocess.run([program], stdout=subprocess.PIPE, timeout=120, text=True, check=True,
                          env={**clean, **settings})
    return dict(line.split() for line in done.stdout.splitlines())


def check_facts(version):
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "facts"
        environment = dict(os.environ, GO111MODULE="off", GOTOOLCHAIN="local", GOFLAGS="", CGO_ENABLED="0")
        built = subprocess.run([truth.CACHE / "go" / version / "bin" / "go", "build", "-o", program, "."],
                               env=environment, cwd=FACTS, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, check=False)
        if built.returncode:
            raise Wrong(built.stdout.strip()[-300:])
        told = told_by(program)
        if 23 <= minor(version) <= 26:
            expect("forgotten-timer-stays with asynctimerchan=0", "false",
                   told_by(program, GODEBUG="asynctimerchan=0")["forgotten-timer-stays"])
    expect("number of facts", max(n for since, n in FACTS_OF.items() if since <= minor(version)), len(told))
    for name, holds in told.items():
        is_false = name in FALSE_FACTS and FALSE_FACTS[name](minor(version))
        expect(name, "false" if is_false else "true", holds)


def first_finding(*arguments):
    """What the command prints of the first finding, on a terminal of 88 columns."""
    shown = on_terminal(88, *map(str, arguments), NO_COLOR="1")
    if "\nFINDINGS" not in shown:
        raise Wrong(f"no findings in: {shown[-300:]!r}")
    lines = shown[shown.index("\nFINDINGS") + 1:].splitlines()
    end = next(i for i, line in enumerate(lines) if not line or re.match("2 ", line)
               or line.strip() == "for information:")
    return "\n".join(lines[:end]) + "\n"


def masked(text):
    """Without what differs a little from run to run: numbers, line breaks, the way to the largest of equal
    cases."""
    text = re.sub(r"^    \S.*$", "PATH", text, flags=re.M)
    return " ".join(re.sub(r"\d[\d,.]*( ([KMG]?i?B|ms|s|min)\b)*", "N", text).split())


# What the page says that is printed on: program, arguments, version, the report; and, after it has grown, of
# the comparison with a snapshot from before.
SHOWN = re.compile(r"`zoo/(leak-\S+?)((?: -\S+ \S+)*)`, built\s+with\s+Go\s+(1\.\d+):\n\n```\n(.*?)^```$",
                   re.M | re.S)
COMPARED = re.compile(r"`leakhound diff`[^`]*:\n\n```\n(.*?)^```$", re.M | re.S)


def gate(status, *arguments):
    done = truth.leakhound(*arguments)
    if done.returncode != status:
        raise Wrong(f"leakhound {' '.join(map(str, arguments[:1]))}: exit status {done.returncode}, expected "
                    f"{status}: {(done.stdout + done.stderr).decode()[:300]}")


def check_program(name, text, versions, update):
    """The page shows what leakhound prints; what it advises as a proof fails before the program is mended
    and holds after."""
    found, compared = SHOWN.search(text), COMPARED.search(text)
    if not found or found[1] != "leak-" + name:
        raise Wrong("it does not show what leakhound prints")
    if found[3] not in versions:
        return
    mode = "arenas" if name == "arena-held" else "normal"
    with tempfile.TemporaryDirectory() as folder:
        path = truth.build(found[3], mode, found[1], Path(folder) / found[1])
        with truth.Program(path, *found[2].split()) as program:
            snapshot = Path(folder) / "before.lhsnap"
            gate(0, "snapshot", program.pid, "-o", snapshot)
            check_block(name, text, found, 4, first_finding(program.pid), update)
            if compared:
                program.process.send_signal(signal.SIGHUP)
                program.next_truth()
                check_block(name, (PAGES / f"{name}.md").read_text(), None, 1,
                            first_finding("diff", snapshot, program.pid), update)
                gate(1, "verify", snapshot, program.pid, "--max-growth", "5%")
            else:
                gate(1, program.pid, "--fail-on", "warning")
            program.process.send_signal(signal.SIGUSR2)
            program.next_truth()
            gate(0, program.pid, "--fail-on", "warning")
            gate(0, "verify", snapshot, program.pid, "--max-growth", "5%", "--max-finding", "info")


def check_block(name, text, found, group, printed, update):
    found = found or COMPARED.search(text)
    if f" {name}" not in printed:
        raise Wrong(f"leakhound does not find it: {printed}")
    if update:
        (PAGES / f"{name}.md").write_text(text[:found.start(group)] + printed + text[found.end(group):])
    elif masked(printed) != masked(found[group]):
        raise Wrong(f"leakhound prints: {printed}")


def run(name, test, *arguments):
    """Prints the verdict; 1 when it is bad."""
    try:
        test(*arguments)
    except (Wrong, OSError, subprocess.SubprocessError) as problem:
        print(f"FAIL {name}: {str(problem)[:400]}", flush=True)
        return 1
    print(f"ok {name}", flush=True)
    return 0


def update(names):
    versions = truth.versions()
    return sum(run(f"program-{name}", check_program, name, text, versions, True)
               for name, text in pages().items() if not names or name in names)


def main():
    if sys.argv[1:2] == ["--update"]:
        return 1 if update(sys.argv[2:]) else 0
    failures = run("lists", check_lists)
    for name, text in pages().items():
        failures += run(f"page-{name}", check_page, name, text)
        failures += run(f"rendering-{name}", check_rendering, name, text)
    versions = truth.versions()
    if truth.QUICK:
        return 1 if failures else 0
    if not versions:
        print("skip examples: no Go toolchain at hand")
        return 1 if failures else 0
    failures += run("examples", check_examples, versions)
    for version in versions:
        failures += run(f"facts-{version}", check_facts, version)
    for name, text in pages().items():
        failures += run(f"program-{name}", check_program, name, text, versions, False)
    return 1 if failures else 0


sys.exit(main())
