#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the texts for people of ctl/ and gui/ and their translations to each other.

    check.py SOURCE_ROOT
    check.py --self-test

po/POTFILES     every file of ctl/ and gui/ that marks a text, sorted, and none that is not there
ctl/**/*.c      what is told, shown or asked is marked by _() or ngettext(), what stands in tables by N_(); each option
                says what it takes and does
gui/**/*.c      what reads like a sentence or a heading is marked; gui/**/*.ui: what shows a text has translatable="yes"
po/*.po         msgfmt -c passes, each is named in po/LINGUAS and has every text that is marked, none fuzzy and no other

Not a compiler: the calls of TOLD are looked at, argument by argument. What needs no translation is in PLAIN, a reason
with each."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# function → the arguments that are texts for people; a negative number: from that one on
TOLD = {"client_fail_as": [3], "fail_with": [3], "table_add": [-1], "listing_show": [2], "puts": [0], "printf": [0],
        "fputs": [0], "fprintf": [1], "progress_show": [1], "password_get": [2], "terminal_ask": [1],
        "ctl_parse_number": []}
MARKS = {"_", "N_", "ngettext"}
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
WORD = re.compile(r"[^\W\d_]{2,}")
# (file, text) → it is the same in every language. A file alone: none of its texts is for people.
PLAIN = {
    ("ctl/client/client-call.c", "{}"): "JSON",
    ("ctl/program.c", "%s %s\n"): "a name and a version",
    ("ctl/help.c", "%s %s%s%s %s\n\n"): "names of programs and arguments",
    ("ctl/show/progress.c", "\033[K"): "a control sequence",
}
# Of a .ui file: the properties and attributes that people read.
SHOWN = ("label", "title", "subtitle", "description", "tooltip-text", "placeholder-text", "heading", "body", "text")
UI_TEXT = re.compile(r'<(?:property|attribute)\s+name="(' + "|".join(SHOWN) + r')"([^>]*)>([^<]*)<')
# Two words, the first with a capital, or one that ends like a sentence.
SENTENCE = re.compile(r'[A-Z][\w’]* [\w“(]|\w\w[.…!?]$')
# As meson's preset glib, with which po/ is made.
XGETTEXT = ["--from-code=UTF-8", "--keyword=_", "--keyword=N_", "--keyword=C_:1c,2", "--keyword=NC_:1c,2",
            "--keyword=g_dcgettext:2", "--keyword=g_dngettext:2,3", "--keyword=g_dpgettext2:2c,3"]
# Not marked yet. A file that is leaves the list: what is here and has no fault is one.
UNMARKED = [
]


def plain_c(text):
    """Without comments, each as long as it was; strings stay."""
    return re.sub(r'/\*.*?\*/|("(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\')',
                  lambda m: m.group(1) or re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)


def closing(text, at):
    """The index of what closes the bracket at `at`."""
    depth = 0
    while at < len(text):
        if text[at] == '"':
            at = STRING.match(text, at).end()
            continue
        if text[at] == "'":
            at = re.compile(r"'(?:[^'\\]|\\.)*'").match(text, at).end()
            continue
        depth += text[at] in "([{"
        depth -= text[at] in ")]}"
        if depth == 0:
            return at
        at += 1
    raise ValueError("a bracket is open")


def split(text):
    """Arguments, or members of a row."""
    parts, at, begin = [], 0, 0
    while at < len(text):
        if text[at] == '"':
            at = STRING.match(text, at).end()
        elif text[at] in "([{":
            at = closing(text, at) + 1
        elif text[at] == "'":
            at = re.compile(r"'(?:[^'\\]|\\.)*'").match(text, at).end()
        else:
            if text[at] == ",":
                parts.append(text[begin:at])
                begin = at + 1
            at += 1
    last = text[begin:]
    return parts + ([last] if last.strip() else [])


def raw(argument):
    """Its strings that nothing marks and that no other function gets."""
    found, at, text = [], 0, ""
    while at < len(argument):
        call = re.compile(r"(\w+)\s*\(").match(argument, at)
        if argument[at] == '"':
            end = STRING.match(argument, at).end()
            text += STRING.match(argument, at).group(1)
            at = end
        elif call:
            at = closing(argument, call.end() - 1) + 1
        else:
            if not argument[at].isspace() and not re.match(r"PRI\w+", argument[at:]) and argument[at] not in "PRIux0123456789":
                found, text = found + [text], ""
            at += 1
    return [t for t in found + [text] if t]


def is_text(s):
    s = s.replace("\\n", "\n").replace("\\t", "\t").replace("\\033", "\033")
    bare = re.sub(r"%[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|z|j)?[a-zA-Z%]", " ", re.sub(r"\\x[0-9a-f]{2}|\033\[\d*[A-Z]", " ", s))
    return bool(WORD.search(bare))


def check_calls(path, text):
    faults = []
    for m in re.finditer(r"\b(" + "|".join(TOLD) + r")\s*\(", text):
        if text[:m.start()].rstrip().endswith(("int", "void", "char", "*")):
            continue  # its definition
        arguments = split(text[m.end():closing(text, m.end() - 1)])
        if m.group(1) in ("fputs",) and arguments[-1].strip() not in ("stderr", "stdout", "f"):
            continue
        for n in TOLD[m.group(1)]:
            for argument in arguments[-n:] if n < 0 else arguments[n:n + 1]:
                for s in raw(argument):
                    plain = s.replace("\\n", "\n").replace("\\033", "\033")
                    if is_text(s) and (path, plain) not in PLAIN and (path,) not in PLAIN:
                        faults.append(f"{path}:{text[:m.start()].count(chr(10)) + 1}: {m.group(1)}() shows \"{s}\", which no _() marks")
    return faults


def rows_of(text, type_):
    for m in re.finditer(r"\b" + type_ + r"\s+\w+\[\]\s*=\s*(\{)", text):
        for row in split(text[m.end(1):closing(text, m.start(1))]):
            row = row.strip()
            if row.startswith("{") and row[1:-1].strip():
                yield text[:m.start()].count("\n") + 1, [p.strip() for p in split(row[1:-1])]


def check_tables(path, text):
    faults = []
    for line, verb in rows_of(text, "Verb"):
        if len(verb) > 5 and verb[5] != "NULL" and not verb[5].startswith("N_("):
            faults.append(f"{path}:{line}: the help of verb {verb[0]} is not in N_()")
    for line, option in rows_of(text, "Option"):
        if len(option) < 6 or not option[5].startswith("N_("):
            faults.append(f"{path}:{line}: option {option[0]} does not say what it does, in N_()")
        elif "OPTION_FLAG" not in option[2] and option[4] == "NULL":
            faults.append(f"{path}:{line}: option {option[0]} does not say what it takes")
    return faults


def check_ui(path, text):
    faults = []
    for m in UI_TEXT.finditer(text):
        if is_text(m[3]) and m[3] != "p2pchat" and 'translatable="yes"' not in m[2]:
            faults.append(f"{path}:{text[:m.start()].count(chr(10)) + 1}: {m[1]} shows “{m[3]}”, which is not translatable")
    return faults


def check_sentences(path, text):
    """A marked string is the argument of its mark, in as many pieces as it has."""
    bare = re.sub(r'\b(?:_|N_|C_|ngettext|g_dngettext)\((?:\s*"(?:[^"\\\n]|\\.)*"\s*,?)+', lambda m: re.sub(r"[^\n]", " ", m[0]), text)
    return [f"{path}:{bare[:m.start()].count(chr(10)) + 1}: “{m[1]}” reads like a text for people, and no _() marks it"
            for m in STRING.finditer(bare) if SENTENCE.search(m[1]) and (path, m[1]) not in PLAIN]


def check_window(root, listed):
    faults = []
    for file in sorted((root / "gui").rglob("*.*")):
        path = str(file.relative_to(root))
        if file.suffix not in (".c", ".h", ".ui"):
            continue
        text = file.read_text(encoding="utf-8")
        if file.suffix != ".ui":
            text = plain_c(text)
        if path not in listed and re.search(r'\b(_|N_|ngettext)\("|translatable="yes"', text):
            faults.append(f"po/POTFILES: {path} marks texts, and is not there")
        if file.suffix == ".ui":
            faults += check_ui(path, text)
        elif file.suffix == ".c":
            faults += check_sentences(path, text)
    return faults


def texts_of(po):
    """Of what stands in a .po or .pot → the text: its block."""
    found = {}
    for block in re.split(r"\n{2,}", po.strip() + "\n"):
        m = re.search(r'^msgid ((?:".*"\n)+)', block + "\n", re.M)
        if m:
            found["".join(STRING.findall(m[1]))] = block + "\n"
    return found


def check_whole(root, po):
    """What is marked and what is translated are the same texts."""
    with tempfile.TemporaryDirectory() as d:
        template = pathlib.Path(d) / "template.pot"
        done = subprocess.run(["xgettext", *XGETTEXT, "--files-from", root / "po/POTFILES", "--directory", root, "--output", template],
                              capture_output=True, text=True, check=False)
        if done.returncode or not template.is_file():
            return [f"po/POTFILES: {line}" for line in done.stderr.splitlines() or ["marks nothing"]]
        marked = texts_of(template.read_text(encoding="utf-8"))
    translated = po.read_text(encoding="utf-8")
    faults = ["has obsolete texts (#~): take them out"] if re.search("^#~", translated, re.M) else []
    translated = texts_of(translated)
    faults += [f"lacks “{text}”: ninja p2pchat-update-po puts it there, for who knows the language"
               for text in marked if text not in translated]
    faults += [f"has “{text}”, which nothing marks: take it out" for text in translated if text not in marked]
    faults += [f"“{text}” is fuzzy" for text, block in translated.items() if re.search("^#,.*fuzzy", block, re.M)]
    faults += [f"“{text}” is not translated" for text, block in translated.items()
               if text and re.search(r'^msgstr(\[\d\])? ""\n(?!")', block, re.M)]
    return [f"po/{po.name}: {fault}" for fault in faults]


def check(root, unmarked=()):
    faults = []
    listed = [l for l in (root / "po/POTFILES").read_text(encoding="utf-8").splitlines() if l and not l.startswith("#")]
    if listed != sorted(listed) or len(set(listed)) != len(listed):
        faults.append("po/POTFILES: is not sorted, or has a file twice")
    faults += [f"po/POTFILES: there is no {path}" for path in listed if not (root / path).is_file()]
    for file in sorted((root / "ctl").rglob("*.[ch]")):
        path, text = str(file.relative_to(root)), plain_c(file.read_text(encoding="utf-8"))
        if path not in listed and re.search(r'\b(_|N_|ngettext)\("', text):
            faults.append(f"po/POTFILES: {path} marks texts, and is not there")
        if file.suffix == ".c":
            found = check_calls(path, text) + check_tables(path, text)
            if path in unmarked and not found:
                faults.append(f"tests/translation/check.py: {path} is marked: take it from UNMARKED")
            faults += [] if path in unmarked else found
    faults += [f"tests/translation/check.py: {path} of UNMARKED is not there" for path in unmarked if not (root / path).is_file()]
    faults += check_window(root, listed)
    languages = (root / "po/LINGUAS").read_text(encoding="utf-8").split("\n")
    missing = [program for program in ("msgfmt", "xgettext") if not shutil.which(program)]
    if missing:
        return faults + [f"po: there is no {' or '.join(missing)} (Debian: gettext)"]
    for po in sorted((root / "po").glob("*.po")):
        if po.stem not in languages:
            faults.append(f"po/LINGUAS: {po.stem} is not there")
        done = subprocess.run(["msgfmt", "-c", "-o", "/dev/null", po], capture_output=True, text=True, check=False)
        faults += [f"po/{po.name}: {line}" for line in done.stderr.splitlines()] if done.returncode else []
        faults += [] if done.returncode else check_whole(root, po)
    return faults


GOOD_C = '''
/* "a comment with words" */
static const Verb verbs[] = { { "log", "CHANNEL", 1, 1, verb_log, N_("show it") }, {} };
const Option options[] = { { "lines", 'n', OPTION_UINT, &n, "N", N_("how many") },
                           { "raw", 0, OPTION_FLAG, &raw, NULL, N_("as it is") }, {} };
int f(void) {
        puts(_("hello"));
        printf("%s: %*s\\n", "name", 3, "");
        printf(_("%" PRIu64 " of it\\n"), n);
        fputs(x ? _("one") : ngettext("two", "three", n), stderr);
        table_add(&t, _("NAME"), is("word") ? _("a") : "-");
        return client_fail_as(ctl, "BadRequest", 2, _("%s is wrong"), "--some-option");
}
'''
GOOD_PO = r"""msgid ""
msgstr "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"

#, c-format
msgid "%s is wrong"
msgstr "%s ist falsch"

#, c-format
msgid "%<PRIu64> of it\n"
msgstr "%<PRIu64> davon\n"

msgid "two"
msgid_plural "three"
msgstr[0] "zwei"
msgstr[1] "drei"

msgid "One of them"
msgid_plural "All of them"
msgstr[0] "Einer"
msgstr[1] "Alle"

msgid "What is said is said again."
msgstr "Was gesagt ist, wird wieder gesagt."

""" + "\n".join(f'msgid "{text}"\nmsgstr "({text})"\n' for text in (
    "show it", "how many", "as it is", "hello", "one", "NAME", "a", "Say it"))
GOOD_UI = '<interface><property name="label" translatable="yes">Say it</property><property name="title">p2pchat</property></interface>\n'
GOOD_GUI_C = '''
static const char *f(void) {
        g_object_notify(self, "synced-seq");
        return n > 1 ? ngettext("One of them", "All of them", n) : _("What is said is said "
                                                                     "again.");
}
'''
PLANTED = [
    ("gui/a.ui", ' translatable="yes"', "", "is not translatable"),
    ("gui/b.c", '_("What', '("What', "reads like a text"),
    ("po/POTFILES", "gui/a.ui\n", "", "gui/a.ui marks texts"),
    ("ctl/a.c", '_("hello")', '"hello"', "puts() shows"),
    ("ctl/a.c", '_("one")', '"one"', "fputs() shows"),
    ("ctl/a.c", '_("%s is wrong")', '"%s is wrong"', "client_fail_as() shows"),
    ("ctl/a.c", '_("%" PRIu64 " of it\\n")', '"%" PRIu64 " of it\\n"', "printf() shows"),
    ("ctl/a.c", '_("NAME")', '"NAME"', "table_add() shows"),
    ("ctl/a.c", '_("a")', '"shown"', "table_add() shows"),
    ("ctl/a.c", 'N_("show it")', '"show it"', "help of verb"),
    ("ctl/a.c", ', N_("how many")', "", "does not say what it does"),
    ("ctl/a.c", 'N_("as it is")', '"as it is"', "does not say what it does"),
    ("ctl/a.c", '&n, "N"', "&n, NULL", "does not say what it takes"),
    ("po/POTFILES", "ctl/a.c\n", "", "marks texts, and is not there"),
    ("po/POTFILES", "ctl/a.c\n", "ctl/a.c\nctl/b.c\n", "there is no ctl/b.c"),
    ("po/POTFILES", "ctl/a.c\n", "ctl/a.c\nctl/a.c\n", "has a file twice"),
    ("po/LINGUAS", "de\n", "", "po/LINGUAS: de"),
    ("po/de.po", "%s ist", "%d ist", "po/de.po: "),
    ("po/de.po", 'msgstr "%s', 'msgstr %s', "po/de.po: "),
    ("po/de.po", 'msgid "Say it"\nmsgstr "(Say it)"', "", "lacks “Say it”"),
    ("po/de.po", '"(hello)"', '""', "“hello” is not translated"),
    ("po/de.po", 'msgstr[1] "Alle"', 'msgstr[1] ""', "“One of them” is not translated"),
    ("po/de.po", 'msgid "hello"', '#, fuzzy\nmsgid "hello"', "is fuzzy"),
    ("po/de.po", 'msgid "hello"', 'msgid "an older hello"\nmsgstr "(hello)"\n\nmsgid "hello"', "which nothing marks"),
    ("po/de.po", 'msgid "hello"', '#~ msgid "an older hello"\n#~ msgstr "(hello)"\n\nmsgid "hello"', "obsolete"),
    ("gui/a.ui", ">Say it<", ">Say it anew<", "lacks “Say it anew”"),
]


def self_test():
    good = {"ctl/a.c": GOOD_C, "gui/a.ui": GOOD_UI, "gui/b.c": GOOD_GUI_C,
            "po/POTFILES": "# list\nctl/a.c\ngui/a.ui\ngui/b.c\n", "po/LINGUAS": "de\n", "po/de.po": GOOD_PO}
    for plant in [None, *PLANTED]:
        with tempfile.TemporaryDirectory() as d:
            for path, text in good.items():
                file = pathlib.Path(d) / path
                file.parent.mkdir(exist_ok=True)
                if plant and plant[0] == path:
                    assert plant[1] in text, plant
                    text = text.replace(plant[1], plant[2], 1)
                file.write_text(text, encoding="utf-8")
            faults = check(pathlib.Path(d))
        if plant is None:
            assert not faults, faults
            with tempfile.TemporaryDirectory() as d:
                for path, text in good.items():
                    file = pathlib.Path(d) / path
                    file.parent.mkdir(exist_ok=True)
                    file.write_text(text.replace('N_("show it")', '"show it"'), encoding="utf-8")
                assert not [f for f in check(pathlib.Path(d), ["ctl/a.c"]) if "ctl/a.c" in f]
                (pathlib.Path(d) / "ctl/a.c").write_text(GOOD_C, encoding="utf-8")
                assert any("take it from" in f for f in check(pathlib.Path(d), ["ctl/a.c"]))
                assert any("is not there" in f for f in check(pathlib.Path(d), ["ctl/none.c"]))
        else:
            assert any(plant[3] in fault for fault in faults), (plant, faults)
    print(f"{len(PLANTED)} planted faults were found")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
    else:
        FOUND = check(pathlib.Path(sys.argv[1]), UNMARKED)
        print("\n".join(FOUND))
        sys.exit(bool(FOUND))
