# SPDX-License-Identifier: LGPL-2.1-or-later
"""Says which sentences of p2pchat-protocol(7) a test holds: ids of tests/conformance/sentences.tsv. Tests in C
say so in tests/conformance/claims-c.tsv. tests/conformance/check.py reads both, and runs nothing.

    @sentence("2.4", "2.5")
    def test_ids(...):

    @message("TRACKER_OPERATOR")
    def test_journal(...):

The second names an id of message-ids.h of whose line the test reads."""


def message(*names):
    assert names
    return lambda test: test


def sentence(*ids):
    assert ids
    return lambda test: test
