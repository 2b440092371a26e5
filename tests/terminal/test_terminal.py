# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tests' terminal itself: what is typed arrives, what is shown is seen, a paste is one where it is asked for."""
import os
import re

import pytest


def test_keys_and_screen(terminals):
    t = terminals(["sh"], dict(os.environ, PS1="$ "), columns=40, lines=10)
    t.wait_for("$")
    t.line("printf '%s-%s\\n' one wörld; tput cols; tput lines")
    t.wait_for("one-wörld\n40\n10")
    t.resize(60, 12)
    t.line("tput cols; tput lines")
    t.wait_for("60\n12")
    t.line("for i in $(seq 100); do echo row $i; done")
    t.wait_for("row 100")
    assert "row 1\n" not in t.screen() and "row 1\n" in t.history()
    assert t.cursor()[0] == 2 and b"row 100\r\n" in t.raw()
    with pytest.raises(AssertionError, match="(?s)in vain.*row 100"):
        t.wait_for("what nobody wrote", deadline=0.2)
    t.line("exit 3")
    assert t.wait_end() == 3


def test_paste(terminals):
    """Bracketed for who asks, as keys for others."""
    t = terminals(["sh", "-c", "stty -icrnl -icanon; printf '\\033[?2004hready'; cat -v"], os.environ)
    t.wait_for("ready")
    t.paste("two\nlines")
    t.wait_for(re.compile(r"\^\[\[200~two\^Mlines\^\[\[201~"))
    t.key("C-c")
    t.wait_end()
    t = terminals(["sh", "-c", "stty -icrnl -icanon; printf ready; cat -v"], os.environ)
    t.wait_for("ready")
    t.paste("two\nlines")
    t.wait_for("two^Mlines")
    assert "200~" not in t.screen()
