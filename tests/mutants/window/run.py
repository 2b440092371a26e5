#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the faults of a table (faults.py): run.py TABLE PROGRAM. The program passes without a fault; with each,
the test of its row fails by an assertion of its own, or waits in vain where the row says so. A test that passes,
crashes or hangs has not found the fault. run.py --self-test PROGRAM: that this is so."""
import concurrent.futures
import os
import resource
import signal
import subprocess
import sys
import tempfile

import faults

# What hangs is ended after so long. A wait is in vain after WAIT_SECONDS; a history asks again after 5.
SECONDS = 60
WAIT_SECONDS = 8
WORKERS = 6
WAITED = "what was waited for did not come"


def run(program, fault, test, wait=None, seconds=SECONDS):
    """→ status (None: it hung) and output of one test, or of all where test is None."""
    env = {**os.environ, "P2PCHAT_MUTANT": fault,
           # A test that fails leaves things behind.
           "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    if test:
        env["P2PCHAT_TEST"] = test
    # Ahead of the end of what hangs.
    env["P2PCHAT_WAIT_SECONDS"] = str(wait or SECONDS // 2)
    # A file: the message bus of a test that died holds on to a pipe.
    with tempfile.TemporaryFile("w+", errors="replace") as out, \
            subprocess.Popen([program], env=env, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))) as p:
        try:
            status = p.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        out.seek(0)
        text = out.read()
        return status, text


def judge(status, text, test):
    """→ what is wrong with that end of the row's test; "" if it found the fault."""
    waits = test.startswith(faults.IN_VAIN)
    name = test.removeprefix(faults.IN_VAIN)
    if status is None:
        return "the test hangs"
    if f"] {name}" not in text:
        return f"there is no test {name}"
    if status == 0:
        return "the test does not see the fault"
    if WAITED in text:
        return "" if waits else "the test waits in vain, where an assertion should fail"
    if status < 0 or status > 128 or "Test failed with exception" in text:
        return "the test crashed"
    if "Sanitizer" in text or "runtime error:" in text:
        return "a sanitizer saw it, not the test"
    if f"[  FAILED  ] {name}\n" not in text:
        return "the test failed otherwise"
    return "the test fails, it need not wait in vain" if waits else ""


def check(program, fault, test, seconds=SECONDS):
    waits = test.startswith(faults.IN_VAIN)
    status, text = run(program, fault, test.removeprefix(faults.IN_VAIN), WAIT_SECONDS if waits else None, seconds)
    wrong = judge(status, text, test)
    return f"{fault} ({test}): {wrong}\n    " + text[-3000:].replace("\n", "\n    ") if wrong else ""


def check_unaltered(program, tests):
    """→ what fails without a fault: all of it, and who waits in vain within the time of a fault's run."""
    wrong = []
    for test, wait in [(None, None), *((test, WAIT_SECONDS) for test in tests)]:
        status, text = run(program, "none", test, wait)
        if status != 0:
            wrong.append(f"without a fault {test or 'the program'} fails\n" + text[-10000:])
    return wrong


def find_missing(program, rows):
    """→ the faults that are not in the program at all: their files are not in meson.build."""
    with open(program, "rb") as f:
        built = f.read()
    return [fault for fault, _ in rows if fault.encode() + b"\0" not in built]


def main(name, program):
    rows = faults.tests_of(faults.table(name))
    missing = find_missing(program, rows)
    if missing:
        sys.exit(f"meson.build does not name their files: {', '.join(missing)}")
    tests = sorted({t.removeprefix(faults.IN_VAIN) for _, t in rows if t.startswith(faults.IN_VAIN)})
    wrong = check_unaltered(program, tests)
    if not wrong:
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            wrong = [w for w in pool.map(lambda row: check(program, *row), rows) if w]
    print(f"{len(rows)} faults, not found: {len(wrong)}")
    if wrong:
        sys.exit("\n".join(wrong))


def refused(text, *rows):
    try:
        faults.alter(text, rows)
    except ValueError:
        return True
    return False


def self_test(program):
    text = '#include "x.h"\n\nint f(int a) {\n        if (a > 0 && a < 5)\n                g(a);\n        return 0;\n}\n'
    row = ("f.c", "if («a > 0 && a < 5»)", {"one": ("a", "t"), "two": ("b", "t")})
    inner = ("f.c", "&& «a < 5»)", {"three": ("c", "t")})
    statement = ("f.c", "«g(a);»", {"four": ("", "t")})
    altered = faults.alter(text, [row, inner, statement])
    assert 'if ((mutant_is("one") ? (a) : mutant_is("two") ? (b) : (a > 0 && (mutant_is("three") ? (c) : (a < 5)))))' \
        in altered
    assert '{ if (mutant_is("four")) {  } else { g(a); } }\n' in altered
    assert refused(text, ("f.c", "«a > 1»", {})) and refused(text, ("f.c", "«a»", {}))
    assert refused(text, row, ("f.c", "«5)\n                g(a);»", {"five": ("", "t")}))
    assert not check(program, "self-test-found", "test_pin")
    for fault, test, wrong in (("self-test-harmless", "test_pin", "does not see"), ("self-test-hangs", "test_pin", "hangs"),
                               ("self-test-crashes", "test_pin", "crashed"), ("self-test-found", "test_nothing", "no test"),
                               ("self-test-found", faults.IN_VAIN + "test_pin", "need not wait")):
        assert wrong in check(program, fault, test, seconds=2 if fault.endswith("hangs") else SECONDS), (fault, test)
    assert judge(-signal.SIGTRAP, f"[ RUN      ] test_it\n{WAITED}", faults.IN_VAIN + "test_it") == ""
    assert judge(-signal.SIGTRAP, f"[ RUN      ] test_it\n{WAITED}", "test_it")
    assert not check_unaltered(program, ["test_pin"])


if __name__ == "__main__":
    if sys.argv[1] == "--self-test":
        self_test(sys.argv[2])
    else:
        main(*sys.argv[1:])
