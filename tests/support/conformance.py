# SPDX-License-Identifier: LGPL-2.1-or-later
"""Says which sentences of p2pchat-protocol(7) a test holds: ids of tests/conformance/sentences.tsv. Tests in C
say so in tests/conformance/claims-c.tsv. tests/conformance/check.py reads both, and runs nothing.

    @sentence("2.4", "2.5")
    def test_ids(...):

… and which lines of the journal it hears: ids of daemon/message-ids.h and tracker/message-ids.h, which
check-messages.py reads.

    @message("TRACKER_STARTED")
    def test_life(...):"""


def sentence(*ids):
    assert ids
    return lambda test: test


def message(*names):
    assert names
    return lambda test: test
