"""A replication beside what was published."""

import dataclasses

import pytest

from tests.report.test_results import verdict
from toylab.claims import to_record
from toylab.errors import ToylabError
from toylab.report.replication import check_settings, markdown, replicated, summary

RESULT = {
    "study": "toy",
    "commit": "abc",
    "claims": [to_record(verdict("a")), to_record(verdict("b")), to_record(verdict("c", "partly"))],
}


def test_estimates_inside_and_verdicts_lost_are_counted():
    fresh = [
        verdict("a", estimate=0.46),
        verdict("b", "not reproduced", estimate=0.3),
        verdict("new"),
    ]
    rows = replicated(RESULT, map(to_record, fresh))
    assert [(row.key, row.inside, row.lost) for row in rows] == [
        ("a", True, False),
        ("b", False, True),
    ]
    assert summary(rows) == (
        "1 of 2 fresh estimates inside the published interval; 1 of 2 reproduced verdicts lost"
    )


def test_a_claim_without_units_is_neither_inside_nor_outside():
    lost = dataclasses.replace(verdict("a", "inconclusive"), n=0, estimate=float("nan"))
    assert replicated(RESULT, [to_record(lost)])[0].inside is None


def test_another_region_and_nothing_published_are_refused():
    with pytest.raises(ToylabError, match=r"'a' was published as >= 0.4 and is >= 0.5 now"):
        replicated(RESULT, [to_record(verdict("a", expected=">= 0.5"))])
    with pytest.raises(ToylabError, match="no claim of it was published"):
        replicated(RESULT, [to_record(verdict("new"))])


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of a study."""

    seeds: int = 8
    rates: tuple[float, ...] = (0.1, 0.2)


def test_other_settings_than_the_published_are_refused():
    result = RESULT | {"settings": {"seeds": 8, "rates": [0.1, 0.2]}}
    check_settings(result, Config())
    check_settings(RESULT, Config())  # from before settings were kept
    with pytest.raises(ToylabError, match=r"rates was \[0.1, 0.2\] .* is \[0.1\] now; .* abc"):
        check_settings(result, Config(rates=(0.1,)))


def test_the_table_counts_each_study_and_all_and_names_what_was_published_anew():
    about = {"preset": "laptop", "settings": {"seeds": 8}}
    old = [RESULT | about | {"study": name} for name in ("one", "two", "three")]
    fresh = [to_record(verdict("a", estimate=0.46)), to_record(verdict("b", "inconclusive"))]
    again = [old[1] | {"claims": fresh}, old[0] | {"claims": fresh[:1]}]
    moved = old[2] | {"claims": fresh, "settings": {"seeds": 16}}
    other = old[2] | {"claims": [to_record(verdict("a", expected=">= 0.5"))]}
    want = """\
| Study | Estimates inside | Reproduced verdicts lost |
| --- | --- | --- |
| `one` | 1 of 1 | 0 of 1 |
| `two` | 2 of 2 | 1 of 2 |
| all | 3 of 3 | 1 of 3 |"""
    assert markdown(old, again) == want
    named = want + "\n\nPublished anew since their replication: `three`."
    assert markdown(old, [*again, moved]) == markdown(old, [*again, other]) == named


def test_two_presets_of_a_study_have_a_line_each_and_nothing_in_common_is_told():
    about = {"study": "one", "settings": {"seeds": 8}}
    old = [RESULT | about | {"preset": name} for name in ("laptop", "night")]
    fresh = [to_record(verdict("a", estimate=0.46)), to_record(verdict("b", "inconclusive"))]
    again = [each | {"claims": fresh[: 1 + i]} for i, each in enumerate(old)]
    table = markdown(old, again)
    assert "| `one` (laptop) | 1 of 1 | 0 of 1 |" in table
    assert "| `one` (night) | 2 of 2 | 1 of 2 |" in table and "| all | 3 of 3 | 1 of 3 |" in table
    renamed = old[0] | {"claims": [to_record(verdict("new"))]}
    assert "since their replication: `one`." in markdown(old, [renamed])
    assert "since their replication: `one`." in markdown(old[1:], again[:1])
