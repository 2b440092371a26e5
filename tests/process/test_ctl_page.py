# SPDX-License-Identifier: LGPL-2.1-or-later
"""p2pchatctl(1) and p2pchat-trackerctl(1) against what the programs say of themselves: each verb has its entry, each of
its options stands in that entry, and no page names an option that there is not."""
import os
import pathlib
import re
import subprocess

import pytest

from p2pchat import DEADLINE

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = {"P2PCHATCTL": "ctl/p2pchatctl.1.scd", "P2PCHAT_TRACKERCTL": "ctl/tracker/p2pchat-trackerctl.1.scd"}
EVERYWHERE = {"json", "no-pager", "help", "no-ask-password", "version", "system"}
# Of other programs, in words about them: systemctl, journalctl, p2pchatd.
OTHERS = {"user", "now"}


def run(program, *arguments):
    return subprocess.run([os.environ[program], *arguments], check=True, text=True, stdout=subprocess.PIPE,
                          timeout=DEADLINE, env={**os.environ, "COLUMNS": "200"}).stdout


def options(text):
    return set(re.findall(r"--([a-z]+(?:-[a-z]+)*)", text))


def told(program):
    """→ {verb: its own options}, as --help says."""
    verbs = re.findall(r"^  ([a-z][a-z-]*(?: [a-z-]+)?)(?: |$)", run(program, "--help"), re.MULTILINE)
    found = {}
    for verb in verbs:
        text = run(program, *verb.split(), "--help").replace("\\\n", "")
        text = text.split("\nEverywhere")[0]
        found[verb] = set(re.findall(r"^ +(?:-\w, )?--([a-z-]+)", text, re.MULTILINE)) - EVERYWHERE
    return found


def entries(page):
    """→ {verb: the entry that begins with it, maybe among others}"""
    found = {}
    for entry in re.split(r"\n\n(?=\*)", page):
        for verb in re.findall(r"\*([a-z][a-z -]*)\*", entry.split("\n", 1)[0]):
            found.setdefault(verb, entry)
    return found


def faults(verbs, page):
    found, where = [], entries(page)
    for verb, own in verbs.items():
        if verb not in where:
            found.append(f"{verb} has no entry")
        else:
            found += [f"{verb}: --{o} is not in its entry" for o in sorted(own - options(where[verb]))]
    known = EVERYWHERE | OTHERS | set().union(*verbs.values())
    return found + [f"there is no --{o}" for o in sorted(options(page) - known)]


@pytest.mark.parametrize("program", PAGES)
def test_page(program):
    verbs = told(program)
    assert len(verbs) > 10 and not faults(verbs, (ROOT / PAGES[program]).read_text(encoding="utf-8"))


def test_faults_are_found():
    verbs, page = told("P2PCHATCTL"), (ROOT / PAGES["P2PCHATCTL"]).read_text(encoding="utf-8")
    assert "kick has no entry" in faults(verbs, page.replace("*kick*", "*kicks*"))
    assert "devices: --revoke is not in its entry" in faults(verbs, page.replace("--revoke", "--remove"))
    assert "there is no --remove" in faults(verbs, page.replace("--revoke", "--remove"))
    assert "log: --nothing is not in its entry" in faults({**verbs, "log": {"nothing"}}, page)
