#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a check on a mutant: expect.py PATTERN COMMAND... ends well only if the check fails, by itself,
and says what it found in words that match PATTERN. A check that passes, crashes, hangs (meson's time is
over) or stumbles over something else has not found the fault."""
import os
import re
import signal
import subprocess
import sys

# What cmocka and pytest say when it was not an assertion that failed; a sanitizer's reports, too.
STUMBLED = re.compile(r"Test failed with exception|Sanitizer|runtime error:|^(?:.* )?\d+ errors?\b.* in [\d.]+s|"
                      r"no tests ran|Group setup failed|Could not run test", re.M)


def judge(status, text, pattern):
    """→ what is wrong with that end of a check; "" if it found the fault."""
    if status == 0:
        return "the check does not see the fault"
    if status < 0 or status > 128:
        return f"the check died of signal {-status if status < 0 else status - 128}"
    stumbled = STUMBLED.search(text)
    if stumbled:
        return f"the check stumbled: {stumbled.group(0)}"
    if not re.search(pattern, text, re.M):
        return f"the check failed, but not with {pattern!r}"
    return ""


def shown(text):
    """What was found, in lines that nobody who counts results takes for those of a test that failed."""
    return "found: " + text.replace("\n", "\n    ")


def run(pattern, command):
    # A test that fails leaves things behind.
    env = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    done = subprocess.run(command, env=env, text=True, errors="replace", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    wrong = judge(done.returncode, done.stdout, pattern)
    if wrong:
        print(done.stdout[-20000:])
        sys.exit(f"{' '.join(command)}: {wrong}")
    print(shown(re.search(pattern, done.stdout, re.M).group(0)))


def self_test():
    found = "[  FAILED  ] test_it\n[  FAILED  ] 1 test(s), listed below:\n"
    assert judge(1, found, "FAILED .* test_it$") == ""
    assert not re.search(r"^\[", shown(found), re.M)
    assert judge(1, "E  AssertionError: doubled: 3 5\n1 failed in 2.1s\n", "doubled: ") == ""
    for status, text in ((0, found), (-signal.SIGSEGV, found), (134, found), (1, "[  FAILED  ] test_other\n"),
                         (1, found + "==1==ERROR: AddressSanitizer: SEGV"), (1, found + "x.c:1:2: runtime error: "),
                         (1, found + "Test failed with exception: Segmentation fault"),
                         (1, found + "1 failed, 1 error in 2.1s"), (4, found + "no tests ran in 0.1s")):
        assert judge(status, text, "FAILED .* test_it$"), (status, text)


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
    else:
        run(sys.argv[1], sys.argv[2:])
