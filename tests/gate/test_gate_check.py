from __future__ import annotations

import math

import pytest
from gate.gate_reports import Face, faces, sha256_of, wrong

from labelaudit.errors import GateError, ReportError
from labelaudit.gate.allow_list import AllowList
from labelaudit.gate.check import Batch, check_gate
from labelaudit.gate.limits import Count, FailOn, Kind, Limit, Share, Trained
from labelaudit.gate.run import check, read_checked
from labelaudit.likeness import Drift, Overlap, Scored
from labelaudit.records import Verdict


def mislabelled(bound, label=None) -> Limit:
    return Limit(Kind.MISLABELLED, bound, label)


def outcome(result, kind, label=None):
    return next(each for each in result.outcomes if (each.limit.kind, each.limit.label) == (kind, label))


def names(result) -> list[str]:
    return [each.sample_id for each in result.findings()]


def test_a_count_is_counted(write):
    run = write([*faces("a", 17), *(wrong(f"w{number}") for number in range(3))])
    batch = Batch(read_checked(run))
    assert check_gate(batch, [mislabelled(Count(3))]).passed
    failed = check_gate(batch, [mislabelled(Count(2))])
    assert not failed.passed
    found = outcome(failed, Kind.MISLABELLED)
    assert (found.rows, found.found, found.said) == (20, 3, "3 of 20 called mislabelled, limit 2")


def test_the_lower_end_of_a_share_is_what_fails(write):
    """3 of 30 is ten per cent, of which the exact interval's lower end is 2.11 %; 1 of 30 may be chance."""
    limit = [mislabelled(Share(0.02))]
    rows = [*faces("a", 27, p=0.0), *(wrong(f"w{number}", p=1.0) for number in range(3))]
    assert not check_gate(Batch(read_checked(write(rows))), limit).passed
    one = Batch(read_checked(write([*faces("a", 29, p=0.0), wrong("w", p=1.0)], name="one")))
    by_lower = check_gate(one, limit)
    assert by_lower.passed
    found = outcome(by_lower, Kind.MISLABELLED)
    assert (found.low, found.high) == (pytest.approx(0.000844, abs=1e-6), pytest.approx(0.172169, abs=1e-6))
    assert not check_gate(one, limit, fail_on=FailOn.ESTIMATE).passed


def test_flags_count_by_how_many_of_them_hold(write):
    """Of 10 flags at p = 0.6, 6 hold; right labels are flagged at 4 / 90, wrong ones at 6 / 10."""
    rows = [*faces("a", 86, p=0.0), *faces("b", 4, p=1.0), *(wrong(f"w{number}", p=0.6) for number in range(10))]
    found = outcome(check_gate(Batch(read_checked(write(rows))), [mislabelled(Share(0.5))]), Kind.MISLABELLED)
    assert found.share == pytest.approx(0.1)
    assert found.expected_wrong == pytest.approx(0.06)
    low = 0.049005  # Clopper and Pearson, 10 of 100
    assert found.low == pytest.approx(0.6 * (low - 4 / 90) / (0.6 - 4 / 90), abs=1e-5)


def test_a_class_has_its_own_limit(write):
    rows = [*faces("h", 9), wrong("h"), *faces("s", 10, "sad")]
    result = check_gate(Batch(read_checked(write(rows))), [mislabelled(Count(5)), mislabelled(Count(0), "happy")])
    assert [each.title for each in result.outcomes if each.failed] == ["mislabelled happy"]
    assert outcome(result, Kind.MISLABELLED, "happy").rows == 10
    assert [each.failing for each in result.findings()] == [True]
    with pytest.raises(GateError, match="did you mean happy"):
        check_gate(Batch(read_checked(write(rows, name="again"))), [mislabelled(Count(0), "hapy")])


def test_facts_are_not_estimated(write):
    rows = [*faces("a", 97), *(Face(f"u{n}", verdict=Verdict.UNREADABLE, content=None) for n in range(3))]
    batch = Batch(read_checked(write(rows)))
    assert check_gate(batch, [mislabelled(Count(9)), Limit(Kind.UNREADABLE, Share(0.03))]).passed
    assert not check_gate(batch, [mislabelled(Count(9)), Limit(Kind.UNREADABLE, Share(0.029))]).passed
    by_default = check_gate(batch, [mislabelled(Count(9))])
    assert outcome(by_default, Kind.UNREADABLE).said == "3 of 100 unreadable, limit 0"
    assert names(by_default) == ["u0", "u1", "u2"]


def test_a_picture_under_two_labels_is_found_twice(write):
    twins = [Face("t1", "happy", group=0), Face("t2", "sad", group=0), Face("t3", None, Verdict.UNDETERMINED, group=0)]
    same = [Face("s1", "happy", group=1), Face("s2", "happy", group=1)]
    result = check_gate(Batch(read_checked(write([*faces("a", 5), *twins, *same]))), [mislabelled(Count(9))])
    assert outcome(result, Kind.CONFLICTS).found == 2
    assert names(result) == ["t1", "t2"]


def test_ambiguous_files_are_limited_only_where_asked(write):
    rows = [*faces("a", 60), *(Face(f"m{n}", verdict=Verdict.AMBIGUOUS, p=0.3) for n in range(40))]
    batch = Batch(read_checked(write(rows)))
    assert names(check_gate(batch, [mislabelled(Count(9))])) == []
    result = check_gate(batch, [mislabelled(Count(9)), Limit(Kind.AMBIGUOUS, Share(0.3))])
    assert outcome(result, Kind.AMBIGUOUS).failed  # lower end 30.3 %
    assert check_gate(batch, [mislabelled(Count(9)), Limit(Kind.AMBIGUOUS, Share(0.31))]).passed


def test_each_class_needs_its_files(write):
    rows = [*faces("h", 5), *faces("n", 2, "neutral"), Face("u", "neutral", Verdict.UNREADABLE, content=None)]
    limits = [mislabelled(Count(0)), Limit(Kind.CLASS_COUNT, Count(3)), Limit(Kind.CLASS_COUNT, Count(0), "sad")]
    result = check_gate(Batch(read_checked(write(rows))), [*limits, Limit(Kind.UNREADABLE, Count(9))])
    assert [(each.title, each.rows) for each in result.outcomes if each.failed] == [("class-count neutral", 2)]


def test_worst_come_first_and_failing_ones_before_all(write):
    rows = [
        wrong("mild", p=0.6),
        wrong("sure", p=0.95),
        Face("split", verdict=Verdict.AMBIGUOUS, p=0.4),
        Face("broken", verdict=Verdict.UNREADABLE),
        *faces("a", 3),
    ]
    limits = [mislabelled(Count(0)), Limit(Kind.UNREADABLE, Count(5)), Limit(Kind.AMBIGUOUS, Count(5))]
    result = check_gate(Batch(read_checked(write(rows))), limits)
    assert names(result) == ["sure", "mild", "broken", "split"]
    assert [each.failing for each in result.findings()] == [True, True, False, False]
    assert result.failing_count == 2
    assert [each.sample_id for each in result.failing_findings(1)] == ["sure"]
    assert [each.sample_id for each in result.findings_of(outcome(result, Kind.MISLABELLED), 9)] == ["sure", "mild"]


def test_accepted_samples_do_not_count(write):
    rows = [*faces("a", 8), wrong("w1"), wrong("w2"), Face("w3", "sad", Verdict.MISLABELLED, 0.9, "happy", "w1")]
    allowed = AllowList({sha256_of("w1"): frozenset({"happy"})})
    result = check_gate(Batch(read_checked(write(rows))), [mislabelled(Count(0))], allow_list=allowed)
    assert (outcome(result, Kind.MISLABELLED).rows, outcome(result, Kind.MISLABELLED).found) == (11, 2)
    assert sorted(names(result)) == ["w2", "w3"]  # w3 is the accepted picture under another label
    assert result.accepted == 1


def test_only_new_findings_count(write):
    old = write([*faces("a", 10), wrong("w1"), Face("clean before", p=0.2), wrong("relabelled", "neutral")], name="old")
    new = write(
        [
            *faces("a", 10),
            Face("moved/w1", "happy", Verdict.MISLABELLED, 0.9, "sad", "w1"),
            wrong("clean before", content="clean before"),
            wrong("relabelled", "happy"),
            wrong("w2"),
            *faces("b", 5),
        ],
        name="new",
    )
    batch = Batch(read_checked(new), baseline=read_checked(old))
    result = check_gate(batch, [mislabelled(Count(0))])
    assert sorted(names(result)) == ["clean before", "relabelled", "w2"]
    assert result.known == 1
    assert outcome(result, Kind.MISLABELLED).rows == 8  # the three and five new ones
    assert check_gate(Batch(read_checked(old), baseline=read_checked(old)), [mislabelled(Count(0))]).passed


def test_rows_without_a_hash_are_known_by_their_id(write):
    broken = Face("gone", verdict=Verdict.UNREADABLE, content=None)
    old = read_checked(write([*faces("a", 3), broken], name="old"))
    new = read_checked(write([*faces("a", 3), broken, Face("gone too", verdict=Verdict.UNREADABLE, content=None)]))
    result = check_gate(Batch(new, baseline=old), [mislabelled(Count(0))])
    assert names(result) == ["gone too"]


def test_an_audit_has_nothing_before_it_to_compare_with(write):
    batch = Batch(read_checked(write(faces("a", 5))))
    with pytest.raises(GateError, match="nothing to compare with"):
        check_gate(batch)
    with pytest.raises(GateError, match="nothing to compare with"):
        check_gate(batch, [mislabelled(Trained())])
    result = check_gate(batch, [Limit(Kind.UNREADABLE, Count(1))])
    assert [each.limit.kind for each in result.outcomes] == [Kind.UNREADABLE, Kind.CONFLICTS]
    assert "no limit on mislabelled files" in result.notes[0]


def test_no_share_of_what_is_not_calibrated(write):
    batch = Batch(read_checked(write([*faces("a", 9), wrong("w")], rule="asm")))
    with pytest.raises(GateError, match="not calibrated"):
        check_gate(batch, [mislabelled(Share(0.5))])
    result = check_gate(batch, [mislabelled(Share(0.05))], fail_on=FailOn.ESTIMATE)
    assert outcome(result, Kind.MISLABELLED).failed
    assert outcome(result, Kind.MISLABELLED).expected_wrong is None
    assert not check_gate(batch, [mislabelled(Count(0))]).passed


def test_a_gate_that_looked_at_no_label_does_not_pass(write):
    unjudged = [Face(f"x{n}", "happy", Verdict.UNDETERMINED) for n in range(4)]
    with pytest.raises(GateError, match="none of the 4 files could be judged"):
        check_gate(Batch(read_checked(write(unjudged))), [mislabelled(Count(0))])
    with pytest.raises(GateError, match="holds no files"):
        check_gate(Batch(read_checked(write([], name="empty"))), [mislabelled(Count(0))])
    broken = [Face("u", verdict=Verdict.UNREADABLE, content=None)]
    assert not check_gate(Batch(read_checked(write(broken, name="broken"))), [mislabelled(Count(0))]).passed


def test_what_a_reader_must_know_is_noted(write):
    rows = [*faces("a", 5), Face("x", None, Verdict.UNDETERMINED)]
    report = read_checked(write(rows, assumed=["labels are folders", "the evidence is weak: only 3%"]))
    drift = Drift(rows=6, p_features=0.002, p_confidence=0.5, p_classes=0.5, strength=0.8)
    scored = Scored("0123456789abcdef", "faces", drift, Overlap(rows=2, exact=1, other_label=1))
    notes = check_gate(Batch(report, scored=scored), [mislabelled(Count(0))]).notes
    assert notes == (
        "1 file could not be judged (verdict undetermined)",
        drift.sentence,
        scored.overlap.sentence,
        "the evidence is weak: only 3%",
    )


@pytest.mark.parametrize(
    ("strength", "p", "fail_on", "fails"),
    [
        (0.4, 0.002, FailOn.CI_LOWER, True),
        (0.4, 0.2, FailOn.CI_LOWER, False),  # may be chance
        (0.4, 0.2, FailOn.ESTIMATE, True),
        (0.2, 0.002, FailOn.CI_LOWER, False),
    ],
)
def test_drift_is_limited_by_its_strength(write, strength, p, fail_on, fails):
    drift = Drift(rows=6, p_features=p, p_confidence=0.5, p_classes=0.5, strength=strength)
    scored = Scored("f00d", "faces", drift, Overlap(0, 0, 0))
    limits = [mislabelled(Count(0)), Limit(Kind.DRIFT, Share(0.3))]
    batch = Batch(read_checked(write(faces("a", 6))), scored=scored)
    assert outcome(check_gate(batch, limits, fail_on=fail_on), Kind.DRIFT).failed is fails


def test_drift_and_leakage_need_a_model(write):
    report = read_checked(write(faces("a", 6)))
    with pytest.raises(GateError, match="a limit on drift needs a batch that a model scored"):
        check_gate(Batch(report), [mislabelled(Count(0)), Limit(Kind.DRIFT, Share(0.3))])
    scored = Scored("f00d", "faces", None, Overlap(rows=2, exact=2, other_label=0))
    limits = [mislabelled(Count(0)), Limit(Kind.DRIFT, Share(0.3)), Limit(Kind.LEAKAGE, Share(0.3))]
    result = check_gate(Batch(report, scored=scored), limits)
    assert outcome(result, Kind.DRIFT).said == "too few pictures to tell, limit 0.3"
    assert outcome(result, Kind.LEAKAGE).failed


def test_the_public_function_reads_what_a_file_may_say(write):
    run = write([*faces("a", 8), wrong("w"), wrong("s", "sad", rather="happy")])
    result = check(run, {"max-mislabelled": {"*": 5, "happy": 0}})
    assert [each.title for each in result.outcomes if each.failed] == ["mislabelled happy"]
    assert check(run / "report.parquet", {"max-mislabelled": "30%"}, fail_on="estimate").passed
    with pytest.raises(GateError, match="did you mean max-mislabelled"):
        check(run, {"max-mislabeled": 1})
    assert check(run, {"max-mislabelled": 9}, model=run).notes == (
        "an audit's own report has no model before it: the model that was named was not used",
    )
    with pytest.raises(ReportError, match="does not exist"):
        check(run.parent / "nothing", {"max-mislabelled": 1})


def test_figures_are_plain(write):
    """JSON knows no numpy."""
    report = read_checked(write([*faces("a", 6), wrong("w")]))
    for limit in (mislabelled(Share(0.1)), mislabelled(Trained())):
        for each in check_gate(Batch(report, baseline=report, training=report), [limit]).outcomes:
            for value in (each.low, each.high, each.share, each.expected_wrong, each.chance, each.usual):
                assert value is None or (type(value) is float and math.isfinite(value))
            assert type(each.failed) is bool


def test_a_batch_is_compared_with_what_its_model_was_trained_on(write):
    few = [wrong(f"w{n}", p=0.9) for n in range(2)]
    training = write([*faces("t", 180), *(wrong(f"t-w{n}", p=0.7) for n in range(20))], name="training")
    scored = Scored("0123456789abcdef", "faces", None, Overlap(0, 0, 0))
    batch = write([*faces("a", 60), *few], name="batch", scored=scored)
    found = outcome(check(batch, model=training), Kind.MISLABELLED)
    assert not found.failed
    assert found.usual == pytest.approx(0.1)
    with pytest.raises(GateError, match="name the run whose model scored the batch"):
        check(batch)
    other = write(faces("t", 9), name="other", scored=Scored("f00d", "faces", None, Overlap(0, 0, 0)))
    with pytest.raises(GateError, match="was scored by another model"):
        check(other, model=training)


def test_rows_that_became_ambiguous_are_new_only_where_that_is_limited(write):
    old = read_checked(write([*faces("a", 9), Face("b", p=0.2)], name="old"))
    new = read_checked(write([*faces("a", 9), Face("b", verdict=Verdict.AMBIGUOUS, p=0.3), wrong("w")], name="new"))
    limits = [mislabelled(Count(0))]
    assert outcome(check_gate(Batch(new, baseline=old), limits), Kind.MISLABELLED).rows == 1
    limits.append(Limit(Kind.AMBIGUOUS, Count(0)))
    assert outcome(check_gate(Batch(new, baseline=old), limits), Kind.AMBIGUOUS).rows == 2


def test_a_baseline_without_a_judged_row_is_nothing_to_compare_with(write):
    empty = read_checked(write([Face("x", None, Verdict.UNDETERMINED)], name="empty"))
    unsure = read_checked(write(faces("a", 5), name="unsure", rule="asm"))
    report = read_checked(write(faces("a", 5)))
    for baseline in (empty, unsure):
        with pytest.raises(GateError, match="nothing to compare with"):
            check_gate(Batch(report, baseline=baseline))
        assert check_gate(Batch(report, baseline=baseline), [mislabelled(Share(0.1))]).passed
