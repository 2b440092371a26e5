#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds p2pchat-protocol(7), its sentences and the tests to each other: what sections 1 to 5 of the page
say stands in sentences.tsv, sentence for sentence, and each sentence is claimed by a test that exists.

    check.py SOURCE_ROOT BUILD_ROOT
    check.py --self-test

sentences.tsv     id, sentence as the page has it, and a reason where there is nothing to check in it
claims-c.tsv      id, name of a meson test in C, name of a function among its cmocka tests
tests/**/*.py     @sentence("2.4", "2.5") of support/conformance.py, on a test"""
import ast
import json
import pathlib
import re
import sys
import tempfile

HERE = "tests/conformance"
PAGE = "common/wire/p2pchat-protocol.7.scd"
ID = re.compile(r"([1-5])\.(?:[A-Z_]+\.)?[0-9]+[a-z]?")


# -- the page

def plain(text):
    """What scdoc shows of a line: without backslashes, asterisks, and underscores at the ends of words."""
    shown, underlined, i = "", False, 0
    while i < len(text):
        c, last, following = text[i], text[i - 1:i], text[i + 1:i + 2]
        if c == "\\":
            i += 1
            shown += following
        elif c == "_" and (not last.isalnum() or (underlined and not following.isalnum())):
            underlined = not underlined
        elif c != "*":
            shown += c
        i += 1
    return shown


def sections(page):
    """→ {"1": the text of section 1, …}, white space made one, without headings and heads of tables."""
    texts, number, literal, in_table, in_head = {}, None, False, False, False
    for line in page.splitlines():
        if line.strip() == "```":
            literal = not literal
        elif literal:
            texts.setdefault(number, []).append(line)
        elif re.match("# ", line):
            m = re.match(r"# ([1-5])\. ", line)
            number = m[1] if m else None
        elif line.startswith(("#", ";")):
            continue
        elif not line:
            in_table = False
        else:
            if line[0] in "|[]" or (in_table and line[0] == ":"):
                if line[0] != ":":
                    in_head = not in_table
                in_table = True
                line = line[2:]
            if not (in_table and in_head):
                line = re.sub(r"^\t*(- )?|\+\+$", "", line)
                texts.setdefault(number, []).append(plain(line))
    return {n: " ".join(" ".join(lines).split()) for n, lines in texts.items() if n}


# -- the files

def read_table(path, n_columns):
    """→ rows of at least that many columns; lines that begin with # are comments."""
    rows = []
    for at, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        row = line.split("\t")
        if len(row) < n_columns:
            raise SystemExit(f"{path}:{at}: {len(row)} columns, {n_columns} wanted")
        rows.append(row)
    return rows


def check_sentences(rows, texts):
    """Each section is its sentences, one after the other, and nothing else."""
    faults, at, lost = [], {}, set()
    ids = [row[0] for row in rows]
    faults += [f"{i}: stands twice in sentences.tsv" for i in sorted({i for i in ids if ids.count(i) > 1})]
    for sentence_id, sentence, *_ in rows:
        m = ID.fullmatch(sentence_id)
        if not m:
            faults.append(f"{sentence_id}: no id")
            continue
        section = m[1]
        text, begin = texts.get(section, ""), at.get(section, 0)
        if section in lost:
            continue
        if text.startswith(sentence, begin) and text[begin + len(sentence):][:1] in ("", " "):
            at[section] = begin + len(sentence) + 1
        else:
            lost.add(section)
            faults.append(f"{sentence_id}: the file says {sentence!r}, the page {text[begin:begin + 160]!r}")
    for section, text in sorted(texts.items()):
        if section not in lost and at.get(section, 0) < len(text):
            faults.append(f"section {section}: no sentence of the file: {text[at.get(section, 0):][:160]!r}")
    return faults


# -- the tests

def python_claims(path):
    """→ [(id, test function)] of a file of tests, without running it."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef):
            continue
        for d in node.decorator_list:
            if isinstance(d, ast.Call) and isinstance(d.func, ast.Name) and d.func.id == "sentence":
                found += [(a.value if isinstance(a, ast.Constant) else "?", node.name) for a in d.args]
    return found


def collect_python(root, tests):
    """→ ({id}, faults). tests: of meson."""
    run = {pathlib.Path(a).resolve() for t in tests for a in t["cmd"] if a.endswith(".py")}
    claimed, faults = set(), []
    for path in sorted((root / "tests").rglob("*.py")):
        for sentence_id, name in python_claims(path):
            where = f"{path.relative_to(root)}: {name}"
            if not name.startswith("test_"):
                faults.append(f"{where} is no test and claims {sentence_id}")
            elif path.resolve() not in run:
                faults.append(f"{where} is not run by meson and claims {sentence_id}")
            else:
                claimed.add(sentence_id)
    return claimed, faults


def runs(text, function):
    """Is it among the cmocka tests of that source, by itself or by a macro of it of one argument?"""
    names = {r"cmocka_unit_test\w*": function}
    for macro, argument, body in re.findall(r"#define (\w+)\((\w+)\)[\s\\]+(cmocka_unit_test.*)", text):
        pasted = re.search(rf"(\w*)##{argument}\b", body)
        prefix = pasted[1] if pasted else ""
        if function.startswith(prefix):
            names[macro] = function[len(prefix):]
    return any(re.search(rf"(?<!#define )\b{macro}\(\s*{re.escape(name)}\s*[,)]", text)
               for macro, name in names.items())


def collect_c(root, rows, tests, targets):
    sources = {pathlib.Path(f): [s for group in t["target_sources"] for s in group.get("sources", [])]
               for t in targets for f in t["filename"]}
    commands = {t["name"]: [pathlib.Path(a) for a in t["cmd"]] for t in tests}
    claimed, faults = set(), []
    for sentence_id, test, function in rows:
        files = [s for a in commands.get(test, []) for s in sources.get(a, [])]
        texts = [(root / s).read_text(encoding="utf-8") for s in files if s.endswith((".c", ".h"))]
        if test not in commands:
            faults.append(f"claims-c.tsv: {sentence_id}: there is no test {test}")
        elif not any(runs(text, function) for text in texts):
            faults.append(f"claims-c.tsv: {sentence_id}: {test} does not run {function}()")
        else:
            claimed.add(sentence_id)
    return claimed, faults


def check_claims(rows, claimed):
    ids = {row[0] for row in rows}
    described = {row[0] for row in rows if len(row) > 2 and row[2]}
    faults = [f"{i}: is claimed and does not exist" for i in claimed - ids]
    faults += [f"{i}: has nothing to check by sentences.tsv, and is claimed" for i in described & claimed]
    faults += [f"{i}: no test claims it" for i in ids - claimed - described]
    return sorted(faults)


def check(root, build):
    here = root / HERE
    info = {what: json.loads((build / f"meson-info/intro-{what}.json").read_text(encoding="utf-8"))
            for what in ("tests", "targets")}
    rows = read_table(here / "sentences.tsv", 2)
    faults = check_sentences(rows, sections((root / PAGE).read_text(encoding="utf-8")))
    by_python, more = collect_python(root, info["tests"])
    faults += more
    by_c, more = collect_c(root, read_table(here / "claims-c.tsv", 3), info["tests"], info["targets"])
    faults += more
    return faults + check_claims(rows, by_python | by_c)


# -- planted faults

SELF_PAGE = """\
page(7)

# DESCRIPTION

Not looked at.

# 1. FIRST
## One

A _request_ has an id like retry\\_after_ms, and
2\\*3 is *six*.

|[ *Head*
:< *Also*
|  left
:  right

# 2. SECOND

	Request: {a, b}++
Answer: {}

```
x  = 1
```

# 6. LAST

Not looked at.
"""
SELF_ROWS = [["1.1", "A request has an id like retry_after_ms, and 2*3 is six."], ["1.2", "left right"],
             ["2.PING.1", "Request: {a, b}"], ["2.PING.2", "Answer: {}"], ["2.1", "x = 1", "a definition"]]
SELF_PYTHON = """\
@sentence("1.1")
@pytest.mark.parametrize("x", [1])
def test_it(x):
    pass
"""
SELF_C = """\
#define T(f) cmocka_unit_test_setup(f, up)
#define TEST(name) \\
        cmocka_unit_test_setup(test_##name, up)
const struct CMUnitTest tests[] = { cmocka_unit_test_setup(test_c, up), T(test_d), TEST(e), TEST(test_f) };
"""


class Plant:
    """A small tree that is right; a test makes it wrong in one place."""

    def __init__(self, directory):
        self.root = pathlib.Path(directory)
        self.build = self.root / "build"
        self.page, self.rows, self.python, self.c = SELF_PAGE, [list(r) for r in SELF_ROWS], SELF_PYTHON, SELF_C
        self.claims = [["1.2", "unit-c", "test_c"], ["2.PING.1", "unit-c", "test_d"], ["2.PING.1", "unit-c", "test_e"],
                       ["2.PING.2", "unit-c", "test_c"]]
        self.is_run = True

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def check(self):
        python, exe = str(self.root / "tests/test_it.py"), str(self.build / "unit-c")
        tests = [{"name": "unit-c", "cmd": [exe]}] + [{"name": "p", "cmd": ["pytest", python]}] * self.is_run
        source = str(self.root / "tests/unit-c.c")
        self.write(PAGE, self.page)
        self.write("tests/test_it.py", self.python)
        self.write("tests/unit-c.c", self.c)
        self.write(f"{HERE}/sentences.tsv", "".join("\t".join(r) + "\n" for r in self.rows))
        self.write(f"{HERE}/claims-c.tsv", "".join("\t".join(r) + "\n" for r in self.claims))
        self.write("build/meson-info/intro-tests.json", json.dumps(tests))
        self.write("build/meson-info/intro-targets.json", json.dumps(
            [{"filename": [exe], "target_sources": [{"sources": [source]}, {"linker": []}]}]))
        return check(self.root, self.build)


def self_test():
    def changed(what, old, new):
        def change(p):
            text = getattr(p, what)
            assert old in text
            setattr(p, what, text.replace(old, new))
        return change

    faults = {
        "the page says more": changed("page", "## One\n", "## One\n\nOne more sentence.\n"),
        "the page says more at the end": changed("page", "x  = 1\n", "x  = 1\ny = 2\n"),
        "the page says something else": changed("page", "is *six*", "is *seven*"),
        "a cell of a table changed": changed("page", ":  right", ":  wrong"),
        "a sentence is not on the page": lambda p: p.rows.append(["2.2", "Nothing says so."]),
        "a sentence lost its end": lambda p: p.rows[1].__setitem__(1, "left"),
        "an id twice": lambda p: p.rows[1].__setitem__(0, "1.1"),
        "no id": lambda p: p.rows[4].__setitem__(0, "2.ping.1"),
        "nobody claims it": lambda p: p.claims.pop(),
        "claimed, and there is nothing to check": lambda p: p.claims.append(["2.1", "unit-c", "test_c"]),
        "claimed, and there is no such id": changed("python", '"1.1"', '"1.1", "1.9"'),
        "claimed by what is no test": changed("python", "test_it", "it"),
        "claimed by a file that is not run": lambda p: setattr(p, "is_run", False),
        "claimed by a test in C that is none": lambda p: p.claims[0].__setitem__(1, "unit-d"),
        "claimed by a function that is none": lambda p: p.claims[0].__setitem__(2, "test_cc"),
        "claimed by a function that is not run": changed("c", "cmocka_unit_test_setup(test_c, up)", ""),
        "claimed by one that no macro runs": changed("c", "T(test_d), ", ""),
        "claimed by one that no pasting macro runs": changed("c", "TEST(e), ", ""),
        "claimed by another name than the one pasted": lambda p: p.claims[0].__setitem__(2, "test_f"),
    }
    failed = []
    for name, change in {"": lambda p: None, **faults}.items():
        with tempfile.TemporaryDirectory() as directory:
            p = Plant(directory)
            change(p)
            found = p.check()
        if bool(found) != bool(name):
            failed.append(f"{name or 'nothing is wrong'}: {found}")
    return failed


def main():
    if sys.argv[1:] == ["--self-test"]:
        faults = self_test()
    elif len(sys.argv) == 3:
        faults = check(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
    else:
        raise SystemExit(__doc__)
    for f in faults:
        print(f)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
