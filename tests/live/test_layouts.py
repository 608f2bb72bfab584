#!/usr/bin/env python3
"""The committed layout tables are what scripts/layouts makes of the toolchains at hand."""
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
NAME = "layout tables"


def missing_versions():
    """Versions in the table whose toolchain is not there: without them it cannot be compared."""
    cache = os.environ.get("LEAKHOUND_CACHE") or os.path.expanduser("~/.cache/leakhound")
    table = (ROOT / "src/gort/layout_table.inc").read_text()
    minors = re.findall(r'^ *\{(\d+), "amd64"', table, re.M)
    return [f"1.{m}" for m in minors if not os.access(f"{cache}/go/1.{m}/bin/go", os.X_OK)]


def main():
    if os.environ.get("LEAKHOUND_QUICK"):
        print(f"skip {NAME}: done in the full round")
        return 0
    missing = missing_versions()
    if missing:
        print(f"skip {NAME}: no toolchain of Go {', '.join(missing)}")
        return 0
    run = subprocess.run([ROOT / "scripts/layouts", "--check"], capture_output=True, text=True)
    if run.returncode != 0:
        why = (run.stderr.strip().splitlines() or ["no output"])[-1]
        print(f"FAIL {NAME}: {why}")
        return 1
    print(f"ok {NAME}")
    return 0


sys.exit(main())
