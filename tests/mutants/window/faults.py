# SPDX-License-Identifier: LGPL-2.1-or-later
"""The faults of a model of the window: faults_X.py has those that tests/unit/gui/test-X.c must find.

    FAULTS = [(FILE, "text «part» text", {NAME: (INSTEAD, TEST)})]

The text with its part is once in the file; while NAME is chosen, INSTEAD is there in place of the part: a
whole expression, or whole statements (they end with ; or }). TEST must fail on it by an assertion; where
nothing can fail but a wait, it is IN_VAIN + TEST. A fault of two parts has ALSO for the test of the second."""
import importlib.util
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
IN_VAIN = "in vain: "
ALSO = ""

# What the machinery itself must tell apart; see run.py.
SELF_TEST = [("gui/model/sign-in.c", "if («i > 0 && i % 4 == 0»)", {
    "self-test-harmless": ("i > 0 && (i & 3) == 0", "test_pin"),
    "self-test-found": ("i % 4 == 0", "test_pin"),
    "self-test-crashes": ("(__builtin_trap(), TRUE)", "test_pin"),
    "self-test-hangs": ("({ while (!mutant_is(\"none\")) { } TRUE; })", "test_pin"),
})]


def tests_of(rows):
    return [(name, test) for _, _, of_part in rows for name, (_, test) in of_part.items() if test != ALSO]


def table(name):
    spec = importlib.util.spec_from_file_location("table", HERE / f"faults_{name.replace('-', '_')}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FAULTS


def all_tables():
    rows = list(SELF_TEST)
    for path in sorted(HERE.glob("faults_*.py")):
        rows += table(path.stem.removeprefix("faults_"))
    names = [name for name, _ in tests_of(rows)]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"two faults with one name: {', '.join(sorted(twice))}")
    return rows


def find_part(text, marked):
    """→ begin and end of what is between the marks."""
    before, part, after = marked.replace("»", "«").split("«")
    around = before + part + after
    if text.count(around) != 1:
        raise ValueError(f"it is there {text.count(around)} times, not once:\n{around}")
    begin = text.index(around) + len(before)
    return begin, begin + len(part)


def choose(part, faults):
    """→ the part, or what is there instead of it."""
    if part.endswith((";", "}")):
        return "{ " + "".join(f'if (mutant_is("{name}")) {{ {instead} }} else '
                              for name, instead in faults.items()) + "{ " + part + " } }"
    return "(" + "".join(f'mutant_is("{name}") ? ({instead}) : ' for name, instead in faults.items()) + f"({part}))"


def alter(text, rows):
    """→ the source with all its faults to choose from. A part may lie within another."""
    spans = {}
    for _, marked, faults in rows:
        spans.setdefault(find_part(text, marked), {}).update({name: row[0] for name, row in faults.items()})
    order = sorted(spans, key=lambda span: (span[0], -span[1]))

    def built(begin, end, inner):
        out, at = [], begin
        while inner:
            span, *rest = inner
            if span[1] > end:
                raise ValueError(f"two parts overlap:\n{text[span[0]:span[1]]}")
            within = [s for s in rest if s[0] < span[1]]
            out += [text[at:span[0]], choose(built(*span, within), spans[span])]
            at, inner = span[1], rest[len(within):]
        return "".join(out) + text[at:end]

    altered = built(0, len(text), order)
    after = altered.index("\n", ("\n" + altered).rindex("\n#include ")) + 1
    return altered[:after] + "\n_Bool mutant_is(const char *name);\n" + altered[after:]
