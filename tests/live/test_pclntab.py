#!/usr/bin/env python3
"""pclntab against the Go runtime itself, for every Go version at hand.

Builds pclntab_oracle with each version (normal, stripped, PIE), lets test-tool-pclntab_dump read the
running program from outside, and compares with what the program's own runtime answers for the same
program counters: function, file, line, inlined calls, stack depth, PCDATA and FUNCDATA. All
functions of the unstripped build must be those of `go tool nm`.

usage: test_pclntab.py [VERSION...]
Environment: LEAKHOUND_BUILD (directory of the test tools), LEAKHOUND_CACHE (its go/ has the
toolchains, as scripts/go-toolchains fetches them), LEAKHOUND_QUICK (three versions only).
"""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("LEAKHOUND_BUILD", os.path.join(HERE, "..", "..", "build"))
CACHE = os.environ.get("LEAKHOUND_CACHE", os.path.expanduser("~/.cache/leakhound"))
TOOLCHAINS = os.path.join(CACHE, "go")
PROBES = 10000
QUICK_VERSIONS = ("1.15", "1.19", "1.27")  # one for each layout of the table
NO_FRAME = [("", "", "0")]
VARIANTS = {
    "normal": [],
    "stripped": ["-ldflags=-s -w"],
    "stripped-pie": ["-ldflags=-s -w", "-buildmode=pie"],
}


def find_tool():
    for directory in (BUILD, os.path.join(BUILD, "tests")):
        path = os.path.join(directory, "test-tool-pclntab_dump")
        if os.access(path, os.X_OK):
            return path
    return None


def go(version):
    return os.path.join(TOOLCHAINS, version, "bin", "go")


def minor(version):
    return int(version.split(".")[1])


def build(version, options, output):
    if minor(version) >= 23:
        flags = [o for o in options if o.startswith("-ldflags=")]
        options = [o for o in options if o not in flags]
        options.append((flags[0] if flags else "-ldflags=") + " -checklinkname=0")
    environment = dict(os.environ, GO111MODULE="off", GOTOOLCHAIN="local", GOFLAGS="", CGO_ENABLED="0")
    subprocess.run([go(version), "build", "-o", output, *options, "."], env=environment, check=True,
                   cwd=os.path.join(HERE, "pclntab_oracle"), stdout=subprocess.PIPE,
                   stderr=subprocess.STDOUT)


def table_of(words, version):
    """Address, limit, text, etext, gofunc out of the first words of moduledata."""
    if minor(version) <= 15:
        return words[0], words[0] + words[1], words[12], words[13], 0
    gofunc = {19: 38, 27: 43}.get(minor(version), 40)
    limit = words[13] + words[14]  # pclntable, the last part
    return words[0], limit, words[22], words[23], words[gofunc]


# runtime.funcNameForPrint: what stands between the brackets of a generic function is not shown.
def for_print(name):
    start, end = name.find("["), name.rfind("]")
    return name[:start] + "[...]" + name[end + 1:] if 0 <= start < end else name


def same_frames(ours, theirs, version):
    """theirs lacks wrappers that were inlined into a caller (the runtime elides them)."""
    position = 0
    for name, file, line, inlined in ours:
        if position < len(theirs):
            t_name, t_file, t_line = theirs[position]
            # The runtime takes the function at name offset 0 for one without a name.
            same_name = t_name in (name, for_print(name)) or (t_name == "" and name)
            if same_name and (file, line) == (t_file, t_line):
                position += 1
                continue
        if not inlined:
            return False
    return position == len(theirs)


def compare(dump, answers, version):
    """First few differences, as text."""
    problems, functions, probes, inlined = [], 0, 0, 0
    entries = {int(line.split(" ", 2)[1], 16) for line in dump if line.startswith("F ")}
    for line in dump:
        if line.startswith("F "):
            functions += 1
            _, entry, end, start_line, found, name = line.split(" ", 5)
            if found != "1":
                problems.append(f"{name} at {entry} is not found again")
            continue
        probes += 1
        key, numbers, *frames = line.split("\t")
        answer = answers.get(key)
        if answer is None:
            problems.append(f"{key}: the runtime knows no such function")
            continue
        their_numbers, their_frames = answer
        if numbers != their_numbers:
            problems.append(f"{key}: {numbers} instead of {their_numbers}")
        if int(key, 16) + 1 in entries or their_frames == NO_FRAME:
            continue  # the oracle asks for pc + 1, which is another function's
        ours = [tuple(f.rsplit("|", 3)) for f in frames]
        inlined += len(ours) > 1
        if not same_frames(ours, their_frames, version):
            problems.append(f"{key}: {ours} instead of {their_frames}")
    if functions < 1000 or probes < 5000 or inlined < 500:
        problems.append(f"only {functions} functions, {probes} probes, {inlined} with inlined calls")
    return problems, f"{functions} functions, {probes} probes, {inlined} with inlined calls"


def compare_nm(dump, version, binary):
    text = subprocess.run([go(version), "tool", "nm", "-n", binary], stdout=subprocess.PIPE, check=True,
                          universal_newlines=True).stdout
    known = {}
    for line in text.splitlines():
        match = re.match(r"\s*([0-9a-f]+) [Tt] (.*)$", line)
        if match:
            known.setdefault(int(match.group(1), 16), set()).add(match.group(2))
    problems, ours = [], {}
    for line in dump:
        if line.startswith("F "):
            _, entry, _, _, _, name = line.split(" ", 5)
            ours[int(entry, 16)] = name
    for address, name in ours.items():
        # Symbols end in .abi0 or .abiinternal where a function has two entries; pclntab has not.
        names = {re.sub(r"\.abi(0|internal)$", "", n) for n in known.get(address, ())}
        if name not in names and name.replace("·", ".") not in names and for_print(name) not in {for_print(n) for n in names}:
            problems.append(f"nm has {names} at {address:x} where the table has {name}")
    markers = {"runtime.text", "runtime.etext", "go:textfipsstart", "go:textfipsend",
               "runtime.textsectionmap"}
    for address, names in known.items():
        if address not in ours and not names <= markers:
            problems.append(f"{names} at {address:x} is missing")
    return problems


def run(tool, version, variant, directory):
    binary = os.path.join(directory, f"oracle-{version}-{variant}")
    build(version, VARIANTS[variant], binary)
    process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               universal_newlines=True)
    try:
        words = [int(w, 16) for w in process.stdout.readline().split()[1:]]
        address, limit, text, etext, gofunc = table_of(words, version)
        # A limit far behind the end: the table is to find its own end.
        numbers = [f"{n:x}" for n in (address, limit + 4096, text, etext, gofunc)]
        dump = subprocess.run([tool, str(process.pid), *numbers, str(minor(version)), str(PROBES)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        if dump.returncode:
            return [dump.stdout.strip()[-1500:]], ""
        lines = dump.stdout.splitlines()
        keys = [line.split("\t", 1)[0][2:] for line in lines if line.startswith("P ")]
        answered, _ = process.communicate("\n".join(keys) + "\n", timeout=120)
    finally:
        process.kill()
        process.wait()
    answers = {}
    for line in answered.splitlines():
        key, *rest = line.split("\t")
        if rest:
            answers[key[2:]] = rest[0], [tuple(f.rsplit("|", 2)) for f in rest[1:]]
    for i, line in enumerate(lines):
        if line.startswith("P "):
            lines[i] = line[2:]
    problems, summary = compare(lines, answers, version)
    if variant == "normal":
        problems += compare_nm(lines, version, binary)
    return problems, summary


def main():
    tool = find_tool()
    if not tool:
        print("FAIL pclntab: no test-tool-pclntab_dump in " + BUILD)
        return 1
    known = sorted((v for v in os.listdir(TOOLCHAINS) if re.fullmatch(r"1\.\d+", v)), key=minor) \
        if os.path.isdir(TOOLCHAINS) else []
    if os.environ.get("LEAKHOUND_QUICK"):
        known = [v for v in known if v in QUICK_VERSIONS] or known[-1:]
    versions = [v for v in (sys.argv[1:] or known) if os.access(go(v), os.X_OK)]
    if not versions:
        print("skip pclntab: no Go toolchain in " + TOOLCHAINS)
        return 0
    failed = False
    with tempfile.TemporaryDirectory(prefix="leakhound-pclntab-") as directory:
        for version in versions:
            for variant in VARIANTS:
                name = f"pclntab-{version}-{variant}"
                try:
                    problems, summary = run(tool, version, variant, directory)
                except subprocess.CalledProcessError as error:
                    problems = [(error.output or str(error))]
                except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
                    problems = [repr(error)]
                if problems:
                    failed = True
                    print(f"FAIL {name}: {len(problems)} differences, first: " + "; ".join(map(str, problems[:3])))
                else:
                    print(f"ok {name} ({summary})")
                sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
