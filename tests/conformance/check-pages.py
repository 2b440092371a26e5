#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the manual to the code and to itself: every setting that a program knows is on its page with default and reload,
and no other; every page has a line NAME that whatis takes, leads to pages that are there, and renders without a warning;
every example is run by a test (tests/support/pages.py).

    check-pages.py SOURCE_ROOT
    check-pages.py --self-test"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "support"))
import pages  # noqa: E402

SETTINGS = {"daemon/p2pchat.conf.5.scd": "daemon/settings.c", "tracker/p2pchat-tracker.conf.5.scd": "tracker/settings.c"}
GENERATED = "dbus/page.py"
XML = "dbus/org.p2pchat.Peer1.Manager.xml"
# Pages of others that ours lead to.
OTHERS = {"systemctl(1)", "journalctl(1)", "busctl(1)", "loginctl(1)", "systemd-logind(8)", "systemd.socket(5)", "polkit(8)",
          "sudo(8)", "gdbus(1)", "bash(1)", "zsh(1)", "fish(1)"}


def names(root):
    """→ {"p2pchatctl(1)": path}"""
    found = {}
    for path in sorted(root.glob("[cdgt]*/**/*.scd")):
        if not path.relative_to(root).parts[0].startswith("build"):
            name, section = path.name.removesuffix(".scd").rsplit(".", 1)
            found[f"{name}({section})"] = path
    return found


def settings_of_code(text):
    table = text.split("static const Setting setting_table[] = {", 1)[1].split("};", 1)[0]
    return re.findall(r'\{ "(\w+)", "(\w+)",', table)


def settings_of_page(text):
    """→ [(section, key, what is said of it)]"""
    found, section = [], None
    for part in re.split(r"^(?=# |\*\w+=\*$)", text, flags=re.MULTILINE):
        if m := re.match(r"# \[(\w+)\] SECTION OPTIONS\n", part):
            section = m[1]
        elif part.startswith("# "):
            section = None
        elif section and (m := re.match(r"\*(\w+)=\*\n", part)):
            found.append((section, m[1], part))
    return found


def check_settings(root):
    faults = []
    for page, code in SETTINGS.items():
        known = settings_of_code((root / code).read_text(encoding="utf-8"))
        found = settings_of_page((root / page).read_text(encoding="utf-8"))
        wanted = set(known)
        said = [(s, k) for s, k, _ in found]
        faults += [f"{page}: lacks {k}= of [{s}]" for s, k in sorted(wanted - set(said))]
        faults += [f"{page}: {k}= of [{s}] is known to no code, or there twice" for s, k in said
                   if (s, k) not in wanted or said.count((s, k)) > 1]
        faults += [f"{page}: {k}= says nothing of {word}" for _, k, text in found
                   for word in ("Default:", "Reload:") if word not in text]
    return faults


def check_page(name, path, known, root):
    text = path.read_text(encoding="utf-8")
    where = path.relative_to(root)
    faults = []
    if not text.startswith(f"{name}\n"):
        faults.append(f"{where}: the first line is not {name}")
    if not re.search(rf"^# NAME\n\n{re.escape(name.split('(')[0])} - \S.*[^.]$", text, re.MULTILINE):
        faults.append(f"{where}: no NAME that whatis takes")
    also = text.split("\n# SEE ALSO\n")
    if len(also) != 2:
        faults.append(f"{where}: no SEE ALSO")
    for page in re.findall(r"\*([\w.-]+)\*(\(\d\))", text) + re.findall(r"(?<![\w.-])(p2pchat[\w.-]*)(\(\d\))", text):
        if "".join(page) not in known and "".join(page) not in OTHERS:
            faults.append(f"{where}: leads to {''.join(page)}, which is not there")
    return faults


def render(path, text):
    """→ warnings of scdoc and of groff, where they are installed."""
    if not shutil.which("scdoc"):
        return []
    done = subprocess.run(["scdoc"], input=text, text=True, capture_output=True, timeout=30, check=False)
    if done.returncode:
        return [f"{path}: scdoc: {done.stderr.strip()}"]
    if not shutil.which("groff"):
        return []
    seen = subprocess.run(["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-rLL=100n"], input=done.stdout, text=True,
                          capture_output=True, timeout=30, check=False)
    return [f"{path}: groff: {line}" for line in seen.stderr.splitlines() if "can't break line" not in line
            and "cannot break line" not in line and "cannot adjust line" not in line]


def check(root):
    known = names(root)
    faults = check_settings(root)
    for name, path in known.items():
        if path:
            faults += check_page(name, path, known, root) + render(path, path.read_text(encoding="utf-8"))
    for name in ("org.p2pchat.Peer1", "org.p2pchat.Tracker1"):
        xml = sorted((root / "dbus").glob(f"{name}.*.xml"))
        faults += run_generator(root, "--check", *xml)[0]
        whole = run_generator(root, root / f"dbus/{name}.5.scd", *xml)[1]
        faults += render(f"{name}(5)", whole)
    return faults + pages.unclaimed(pages.pages(root))


def run_generator(root, *arguments):
    """→ (what it printed as lines where it failed, else [], and as text)"""
    done = subprocess.run([sys.executable, root / GENERATED, *arguments], text=True, capture_output=True, timeout=30,
                          check=False)
    return (done.stdout + done.stderr).splitlines() if done.returncode else [], done.stdout


def self_test(root):
    """Copies what is there, and plants a fault in each."""
    conf, code = next(iter(SETTINGS.items()))
    plants = {
        "nothing is wrong": (conf, "", "", None),
        "a setting that no page has": (code, '{ "Log", "Level", ', '{ "Log", "Loud", parse_log_level },\n{ "Log", "Level", ',
                                       "lacks Loud="),
        "a setting of no code": (conf, "*Pin=*\n", "*Pins=*\n", "Pins= of [Tracker] is known to no code"),
        "no default": (conf, "Default: none.", "It is none.", "says nothing of Default:"),
        "nothing of the reload": (conf, "Reload: as", "As", "says nothing of Reload:"),
        "another name": (conf, "p2pchat.conf - settings", "p2pchat - settings", "no NAME"),
        "a page that is not there": (conf, "*p2pchatd*(8), ", "*p2pchatd*(7), ", "leads to p2pchatd(7)"),
        "an example that nobody runs": (conf, "# DESCRIPTION\n", "# DESCRIPTION\n\n```\n$ true\n```\n", "nobody runs this session"),
        "an example in another form": (conf, "# EXAMPLES\n", "# EXAMPLES\n\n\ttrue++\nfalse\n", "is a literal block"),
        "a block that does not end": (conf, "$ systemctl --user reload p2pchatd\n```", "$ x\n", "does not end"),
        "a method of which nothing is said": (XML, "      SetFocus:" , "      Focus:", "Manager.SetFocus: has no documentation"),
        "an argument of which nothing is said": (XML, "@recovery_code: what", "what", "nothing is said of @recovery_code"),
        "an argument that is none": (XML, "@recovery_code: what", "@code: what", "has no argument @code"),
        "a property of which nothing is said": (XML, "<!-- DefaultAccount: ", "<!-- ", "DefaultAccount: has no documentation"),
        "a signal of which nothing is said": (XML, "      DirectoryChanged:\n", "", "DirectoryChanged: has no documentation"),
        "an interface of which nothing is said": (XML, "@short_description", "@description", "says nothing of itself"),
        "a test that is gone": ("tests/process/test_pages_settings.py", "def test_daemon(", "def test_other(", "is not there"),
    }
    failed = []
    for name, (path, old, new, said) in plants.items():
        with tempfile.TemporaryDirectory() as directory:
            copy = pathlib.Path(directory)
            for p in [*names(root).values(), *(root / p for p in SETTINGS.values()), root / "README.md",
                      *(root / t.partition("::")[0] for t in pages.RUN_BY.values()), *(root / "dbus").glob("*")]:
                (copy / p.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(p, copy / p.relative_to(root))
            text = (copy / path).read_text(encoding="utf-8")
            assert old in text, f"{name}: nothing to change"
            (copy / path).write_text(text.replace(old, new, 1), encoding="utf-8")
            original, pages.SOURCE = pages.SOURCE, copy
            try:
                found = [f for f in pages_faults(copy)]
            finally:
                pages.SOURCE = original
        if bool(found) != bool(said) or said and not any(said in f for f in found):
            failed.append(f"{name}: {found}")
    return failed


def pages_faults(root):
    try:
        faults = check(root)
        faults += [f for f in pages.unclaimed(pages.pages(root), root=root) if f not in faults]
    except AssertionError as e:
        faults = [str(e)]
    return faults


def main():
    here = pathlib.Path(__file__).parent.parent.parent
    if sys.argv[1:] == ["--self-test"]:
        faults = self_test(here)
    elif len(sys.argv) == 2:
        faults = pages_faults(pathlib.Path(sys.argv[1]))
    else:
        raise SystemExit(__doc__)
    for f in faults:
        print(f)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
