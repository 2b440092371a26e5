#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs shellcheck on every script of the project: what names a shell in its first line, or ends in .sh or .bash.

    shell-scripts.py SOURCE        exit status 1 if shellcheck finds anything, or there is no script
    shell-scripts.py --self-test   plants scripts with faults and checks that each is found
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SHEBANG = re.compile(rb"#! ?\S*(/env +(-S +)?)?\b(sh|bash|dash)\b")


def scripts(source):
    """→ the project's own, as paths below it; a build directory and what a dot begins is none, but .ci."""
    found = []
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(f for f in folders if (not f.startswith(".") or f == ".ci") and
                            not os.path.exists(os.path.join(folder, f, "meson-private")))
        for name in sorted(names):
            path = pathlib.Path(folder, name)
            if path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as f:
                first = f.readline(200)
            if name.endswith((".sh", ".bash")) or SHEBANG.match(first):
                found.append(str(path.relative_to(source)))
    return found


def check(source):
    """→ whether all is well."""
    found = scripts(source)
    if not found:
        print(f"{source}: no script is there")
        return False
    return subprocess.run(["shellcheck", "-x", "--", *found], cwd=source, check=False).returncode == 0


def self_test():
    fault = "\nrm $1\n"
    planted = {"plain": "#!/bin/sh", ".ci/run": "#!/bin/bash", "deep/er/x": "#!/usr/bin/env bash", "opt": "#!/bin/bash -e",
               "a.bash": "# shellcheck shell=bash", "b.sh": "# shellcheck shell=sh", "s": "#!/usr/bin/env -S bash -e"}
    for name, first in planted.items():
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(first + fault)
            assert scripts(directory) == [name], name
            assert not check(directory), f"the fault in {name} is not found"
            path.write_text(first + fault.replace("$1", '"$1"'))
            assert check(directory), name
    with tempfile.TemporaryDirectory() as directory:
        for name in ("build/meson-private/x", "build/run", ".git/hook", "x.py"):
            path = pathlib.Path(directory, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("#!/usr/bin/python3\n" if name == "x.py" else "#!/bin/sh" + fault)
        assert scripts(directory) == [] and not check(directory)


if __name__ == "__main__":
    if sys.argv[1] == "--self-test":
        self_test()
    else:
        sys.exit(not check(sys.argv[1]))
