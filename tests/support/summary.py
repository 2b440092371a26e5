#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts what meson's testlog.json says: every case of a cmocka or pytest program, else a program as
one. Prints why a case was skipped, the slowest ten and the closing line; exits 1 on a failure, on nothing run, and with
CI=true on a skip."""
import json
import os
import re
import sys

CMOCKA = re.compile(r"^\[  (PASSED|FAILED|SKIPPED) +\] (\d+) test\(s\)", re.M)
PYTEST = re.compile(r"(\d+) (passed|failed|skipped|errors?|xfailed|xpassed)\b")
PYTEST_REASON = "SKIPPED ["  # with -rs: "SKIPPED [2] FILE:LINE: REASON"


def count(test):
    """→ (passed, failed, skipped) of one program."""
    out = test.get("stdout", "") + test.get("stderr", "")
    ok = test["result"] in ("OK", "EXPECTEDFAIL")
    if test["result"] == "SKIP":
        return 0, 0, 1
    passed = failed = skipped = 0
    for word, n in CMOCKA.findall(out):
        n = int(n)
        passed += n if word == "PASSED" else 0
        failed += n if word == "FAILED" else 0
        skipped += n if word == "SKIPPED" else 0
    closing = [line for line in out.splitlines() if re.search(r"\b(passed|failed|error|skipped)\b.* in [\d.]+s", line)]
    if closing:
        for n, word in PYTEST.findall(closing[-1]):
            n = int(n)
            if word in ("passed", "xfailed"):
                passed += n
            elif word == "skipped":
                skipped += n
            else:
                failed += n
    if passed + failed + skipped == 0:
        passed = 1 if ok else 0
    if not ok and failed == 0:
        failed = 1  # crashed, timed out, or a sanitizer's finding at exit
    return passed, failed, skipped


def main(path):
    tests = []
    try:
        with open(path, encoding="utf-8") as f:
            tests = [json.loads(line) for line in f if line.strip()]
    except FileNotFoundError:
        print("no test was run", file=sys.stderr)
    total = [0, 0, 0]
    for test in tests:
        counted = count(test)
        total = [a + b for a, b in zip(total, counted)]
        if counted[1]:
            print(f"FAILED: {test['name']} ({test['result']})")
        if counted[2]:
            print(f"SKIPPED: {test['name']}: {counted[2]}")
            for line in test.get("stdout", "").splitlines():
                if line.startswith(PYTEST_REASON):
                    print("  " + line[len(PYTEST_REASON) - 1:])
    print("\nslowest:")
    for test in sorted(tests, key=lambda t: -t["duration"])[:10]:
        print(f"  {test['duration']:7.1f} s  {test['name']}")
    passed, failed, skipped = total
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    strict = os.environ.get("CI") == "true"
    return 1 if failed or passed == 0 or (strict and skipped) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
