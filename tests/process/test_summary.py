# SPDX-License-Identifier: LGPL-2.1-or-later
"""tests/run ends with what really happened: its last line and its exit status, counted from meson's log."""
import json
import pathlib
import subprocess
import sys

import pytest

SUMMARY = pathlib.Path(__file__).resolve().parents[1] / "support" / "summary.py"


def program(result="OK", stdout="", stderr="", name="x", duration=1.0):
    return {"name": name, "result": result, "stdout": stdout, "stderr": stderr, "duration": duration}


CMOCKA = "[==========] 4 test(s) run.\n"
UNIT = program(stdout=CMOCKA, stderr="[  PASSED  ] 4 test(s).\n")
UNIT_SKIPS = program(stderr="[  PASSED  ] 1 test(s).\n[  SKIPPED ] 1 test(s), listed below:\n[  SKIPPED ] a\n\n 1 SKIPPED TEST(S)\n")
UNIT_FAILS = program("FAIL", stderr="[  PASSED  ] 1 test(s).\n[  FAILED  ] 2 test(s), listed below:\n[  FAILED  ] c\n\n 2 FAILED TEST(S)\n")
SCRIPT = program(stdout="No faults.\n")
PYTEST = program(stdout="....\n12 passed in 4.35s\n")
PYTEST_SKIPS = program(stdout="..s\n2 passed, 1 skipped in 0.10s\n")
PYTEST_FAILS = program("FAIL", stdout="..F\n1 failed, 2 passed, 1 error in 61.00s (0:01:01)\n")


@pytest.mark.parametrize("log, line, status, strict", [
    ([UNIT, SCRIPT, PYTEST], "17 passed, 0 failed, 0 skipped", 0, 0),
    ([UNIT, UNIT_SKIPS], "5 passed, 0 failed, 1 skipped", 0, 1),
    ([PYTEST_SKIPS], "2 passed, 0 failed, 1 skipped", 0, 1),
    ([SCRIPT, program("SKIP")], "1 passed, 0 failed, 1 skipped", 0, 1),
    ([UNIT, UNIT_FAILS], "5 passed, 2 failed, 0 skipped", 1, 1),
    ([PYTEST_FAILS], "2 passed, 2 failed, 0 skipped", 1, 1),
    ([program("FAIL")], "0 passed, 1 failed, 0 skipped", 1, 1),
    # a finding at exit, after all had passed; too long; a signal
    ([program("FAIL", stderr=UNIT["stderr"] + "LeakSanitizer")], "4 passed, 1 failed, 0 skipped", 1, 1),
    ([program("TIMEOUT", stdout="[ RUN      ] a\n")], "0 passed, 1 failed, 0 skipped", 1, 1),
    ([program("ERROR"), PYTEST], "12 passed, 1 failed, 0 skipped", 1, 1),
    ([], "0 passed, 0 failed, 0 skipped", 1, 1),
])
def test_what_is_counted(tmp_path, log, line, status, strict):
    path = tmp_path / "testlog.json"
    if log:
        path.write_text("".join(json.dumps(test) + "\n" for test in log))
    for ci, wanted in (("", status), ("true", strict)):
        done = subprocess.run([sys.executable, SUMMARY, path], capture_output=True, text=True, timeout=30, check=False,
                              env={"CI": ci})
        assert (done.returncode, done.stdout.splitlines()[-1]) == (wanted, line)


def test_why_it_was_skipped(tmp_path):
    path = tmp_path / "testlog.json"
    reason = "[1] support/worlds.py:60: no network namespaces: unshare: Operation not permitted"
    path.write_text(json.dumps(program(stdout=f"..s\nSKIPPED {reason}\n2 passed, 1 skipped in 0.10s\n")))
    shown = subprocess.run([sys.executable, SUMMARY, path], capture_output=True, text=True, timeout=30, check=True,
                           env={}).stdout.splitlines()
    assert shown[:2] == ["SKIPPED: x: 1", "  " + reason] and shown[-1] == "2 passed, 0 failed, 1 skipped"


def test_the_slowest_ten(tmp_path):
    path = tmp_path / "testlog.json"
    path.write_text("".join(json.dumps(program(stdout=PYTEST["stdout"], name=f"t{i}", duration=i)) + "\n" for i in range(20)))
    shown = subprocess.run([sys.executable, SUMMARY, path], capture_output=True, text=True, timeout=30, check=True).stdout
    assert [line.split()[2] for line in shown.splitlines() if " s  t" in line] == [f"t{i}" for i in range(19, 9, -1)]
