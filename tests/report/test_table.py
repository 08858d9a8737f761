from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from labelaudit.errors import ReportError
from labelaudit.labels import NO_CLASS, LabelSpace
from labelaudit.report import table as table_module
from labelaudit.report.columns import entropy
from labelaudit.report.metadata import METADATA_KEY, Estimate
from labelaudit.report.schema import THRESHOLDS_SCHEMA, report_columns, report_schema
from labelaudit.report.summary import summarise
from labelaudit.report.table import read_report, write_report, write_thresholds
from labelaudit.rundir import RunDir


def test_every_row_and_column_comes_back(case, tmp_path):
    report = read_report(case.write(tmp_path / "report.parquet"))

    assert report.table.schema.equals(report_schema(3))
    assert report.classes == ("happy", "neutral", "sad")
    columns = report.table.to_pydict()
    assert columns["sample_id"] == [f"s{row}" for row in range(9)]
    assert columns["path"][7:] == ["faces/übel 7.png", None]
    assert columns["split"] == ["train", "test", "train", "train", "train", "train", None, None, "test"]
    assert columns["given_label"] == ["happy"] * 4 + ["neutral"] * 2 + ["sad", "no face", None]
    assert columns["verdict"][6:] == ["unreadable", "undetermined", "undetermined"]
    assert columns["reason"][4:] == [
        "duplicate_conflict",
        "below_noisy_threshold",
        "decode_error",
        "not_a_class",
        "no_label",
    ]
    assert columns["suggested_label"] == [None, None, "neutral", "neutral", None, "sad", None, None, None]
    assert columns["queue_rank"] == [None, None, 2, 3, 4, 1, None, None, None]
    assert columns["duplicate_group"] == [0, 0, 1, None, 1, None, None, None, None]
    assert columns["epochs_clean"] == list(range(9))
    assert columns["posterior"][2] == pytest.approx([0.1, 0.8, 0.1])
    assert columns["posterior"][6:] == [None, None, None]
    assert columns["decided_label"] == [None] * 9
    assert columns["content_sha256"][7:] == ["ab" * 32, None]


def test_figures_worked_out_by_hand(case, tmp_path):
    columns = read_report(case.write(tmp_path / "report.parquet")).table.to_pydict()

    assert columns["confidence"][:6] == pytest.approx([1.0, 0.75, 0.1, 0.4, 0.3, 0.1])
    assert columns["confidence"][6:] == [None, None, None]
    assert columns["confidence_peer2"][:6] == pytest.approx([1 / 3] * 6)
    assert columns["confidence_ridge"] == [None] * 9
    assert columns["outlier_score"] == [None] * 9
    # -(0.75 ln 0.75 + 0.25 ln 0.25) = 0.2158 + 0.3466
    assert columns["entropy"][0] == 0.0
    assert columns["entropy"][1] == pytest.approx(0.5623, abs=1e-4)
    assert columns["sharpness"][6] is None


def test_nothing_is_nan(case, tmp_path):
    table = read_report(case.write(tmp_path / "report.parquet")).table
    for name in table.column_names:
        if pa.types.is_floating(table.schema.field(name).type):
            assert not np.isnan(table[name].drop_null().to_numpy()).any(), name


def test_same_input_gives_the_same_bytes(case, tmp_path):
    first = case.write(tmp_path / "first.parquet").read_bytes()
    assert case.write(tmp_path / "second.parquet").read_bytes() == first


def test_row_groups_share_names(case, tmp_path, monkeypatch):
    whole = read_report(case.write(tmp_path / "whole.parquet")).table
    monkeypatch.setattr(table_module, "ROWS_A_GROUP", 4)
    path = case.write(tmp_path / "sliced.parquet")

    assert pq.ParquetFile(path).num_row_groups == 3
    assert read_report(path).table.to_pydict() == whole.to_pydict()


def test_opens_as_it_stands_in_pandas_polars_and_duckdb(case, tmp_path):
    path = case.write(tmp_path / "report.parquet")

    frame = pd.read_parquet(path)
    assert frame["verdict"].value_counts()["mislabelled"] == 2
    assert frame["p_mislabelled"].max() == pytest.approx(0.95)
    assert frame["posterior"][2] == pytest.approx([0.1, 0.8, 0.1])

    lazy = pl.scan_parquet(path).filter(pl.col("verdict") == "mislabelled").sort("queue_rank").collect()
    assert lazy["sample_id"].to_list() == ["s5", "s2"]
    assert lazy["posterior"].to_list()[1] == pytest.approx([0.1, 0.8, 0.1])

    query = f"select sample_id, suggested_label, posterior[3] from '{path}' where queue_rank > 0 order by queue_rank"
    rows = duckdb.sql(query).fetchall()
    assert rows[0] == ("s5", "sad", pytest.approx(0.9))
    assert [row[0] for row in rows] == ["s5", "s2", "s3", "s4"]


def test_thresholds_open_as_they_stand(case, tmp_path):
    path = tmp_path / "thresholds.parquet"
    write_thresholds(path, history=case.evidence.history, classes=["happy", "neutral", "sad"])

    assert pq.read_table(path).schema.equals(THRESHOLDS_SCHEMA)
    frame = pd.read_parquet(path)
    assert frame["class"].tolist() == ["happy", "neutral"] * 3
    assert frame["clean_threshold"].isna().tolist() == [False] * 5 + [True]
    assert pl.read_parquet(path)["fold"].to_list() == [0, 0, 0, 0, 1, 1]
    assert duckdb.sql(f"select sum(noisy) from '{path}'").fetchall() == [(2,)]


def test_fields_carry_their_meaning(case, tmp_path):
    schema = pq.read_schema(case.write(tmp_path / "report.parquet"))
    for column in report_columns(3):
        assert schema.field(column.name).metadata[b"meaning"].decode() == column.meaning


def test_metadata_comes_back(case, tmp_path):
    metadata = read_report(case.write(tmp_path / "report.parquet")).metadata

    assert metadata.queue_precision == Estimate(0.9, 0.8, 0.95)
    assert metadata.noise_matrix == ((0.9, 0.1, 0.0), (0.2, 0.8, 0.0), (None, None, None))
    assert metadata.assumed == ("labels are the names of folders",)
    happy, neutral = metadata.last_thresholds  # sad was never mined
    assert (happy.label, happy.mean_confidence, happy.clean, happy.noisy) == ("happy", 0.7, 0.56, 0.14)
    assert (neutral.label, neutral.clean) == ("neutral", 0.4)  # of one fold: the other one is NaN
    assert (metadata.trusted, metadata.distrust) == (True, ())


def test_whether_verdicts_may_be_trusted_stands_in_the_metadata(case, tmp_path):
    doubted = replace(case, metadata=replace(case.metadata, distrust=("peer 2 gives every face the same answer",)))
    report = doubted.write(tmp_path / "report.parquet")
    told = json.loads(pq.read_schema(report).metadata[METADATA_KEY])
    assert (told["trusted"], told["distrust"]) == (False, ["peer 2 gives every face the same answer"])
    metadata = read_report(report).metadata
    assert (metadata.trusted, metadata.distrust) == (False, ("peer 2 gives every face the same answer",))
    summary = summarise(read_report(report)).to_json()
    assert (summary["trusted"], summary["distrust"]) == (False, ["peer 2 gives every face the same answer"])


def test_reads_from_a_run_a_folder_or_a_file(case, tmp_path):
    case.write(tmp_path / "report.parquet")
    for source in (RunDir(tmp_path), tmp_path, str(tmp_path), tmp_path / "report.parquet"):
        assert len(read_report(source)) == 9


def test_chosen_columns_in_the_order_asked_for(case, tmp_path):
    path = case.write(tmp_path / "report.parquet")
    assert read_report(path, columns=["verdict", "sample_id"]).table.column_names == ["verdict", "sample_id"]
    with pytest.raises(ReportError, match="no column verdikt; did you mean verdict"):
        read_report(path, columns=["verdikt"])


def rewrite(path: Path, change) -> Path:
    table = change(pq.read_table(path))
    pq.write_table(table, path)
    return path


def with_metadata(table: pa.Table, **values: object) -> pa.Table:
    content = json.loads(table.schema.metadata[METADATA_KEY])
    content.update(values)
    return table.replace_schema_metadata({METADATA_KEY: json.dumps(content).encode()})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: with_metadata(table, schema_version=2), "has report schema 2, this labelaudit reads 1"),
        (lambda table: table.replace_schema_metadata({METADATA_KEY: b"{"}), "damaged metadata"),
        (lambda table: table.replace_schema_metadata({METADATA_KEY: b'{"schema_version": 1}'}), "damaged metadata"),
        (lambda table: with_metadata(table, noise_rate={"value": "high"}), "damaged metadata .value is 'high'"),
        (lambda table: with_metadata(table, noise_matrix=[[1.0]]), "damaged metadata .a noise matrix is not"),
        (lambda table: with_metadata(table, seed="x"), "damaged metadata .seed is 'x'"),
        (lambda table: with_metadata(table, settings={"verdict": []}), "damaged metadata .a group of settings"),
        (lambda table: with_metadata(table, planted={"recall_at_half": []}), "damaged metadata .a figure"),
        (lambda table: table.replace_schema_metadata({METADATA_KEY: b"[" * 100_000}), "damaged metadata"),
        (lambda table: table.replace_schema_metadata(None), "not a report of labelaudit"),
        (lambda table: table.drop_columns(["verdict"]), "lacks the column verdict"),
        (
            lambda table: table.set_column(0, "sample_id", pa.array(range(9))),
            "holds int64 in sample_id, not string",
        ),
    ],
)
def test_refuses_what_is_no_report_of_this_version_in_one_line(case, tmp_path, change, message):
    path = rewrite(case.write(tmp_path / "report.parquet"), change)
    with pytest.raises(ReportError, match=message) as caught:
        read_report(path)
    assert "\n" not in str(caught.value)


def test_keys_of_later_writers_are_passed_over(case, tmp_path):
    path = rewrite(case.write(tmp_path / "report.parquet"), lambda table: with_metadata(table, humidity=3))
    assert read_report(path).metadata.dataset == "faces"


def test_missing_and_broken_files_are_one_line(case, tmp_path):
    with pytest.raises(ReportError, match="does not exist"):
        read_report(tmp_path)
    broken = tmp_path / "report.parquet"
    broken.write_bytes(b"PAR1 this is nothing")
    with pytest.raises(ReportError, match="cannot be read as Parquet") as caught:
        read_report(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_failed_write_leaves_the_old_report(case, tmp_path):
    path = case.write(tmp_path / "report.parquet")
    before = path.read_bytes()
    short = replace(case.verdicts, reason=case.verdicts.reason[:3])
    with pytest.raises(ValueError, match="same length"):
        replace(case, verdicts=short).write(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.parquet"]


def test_tables_that_do_not_fit_are_refused(case, tmp_path):
    with pytest.raises(ValueError, match="differ in length"):
        replace(case, verdicts=replace(case.verdicts, verdict=[])).write(tmp_path / "report.parquet")
    other = replace(case.metadata, classes=("a", "b", "c"))
    with pytest.raises(ValueError, match="names the classes"):
        replace(case, metadata=other).write(tmp_path / "report.parquet")


def test_a_folder_that_is_not_there_is_one_line(case, tmp_path):
    with pytest.raises(ReportError, match="cannot write"):
        case.write(tmp_path / "nowhere" / "report.parquet")


def test_what_people_decided_stands_in_its_column(case, tmp_path):
    path = tmp_path / "report.parquet"
    decided = np.full(len(case.table), NO_CLASS, dtype=np.int32)
    decided[1] = 2
    case = replace(case, verdicts=replace(case.verdicts, decided=decided))
    case.write(path)
    column = read_report(path).table["decided_label"].to_pylist()
    assert column == [case.table.labels.names[2] if row == 1 else None for row in range(len(case.table))]


def test_an_empty_dataset_is_an_empty_report(case, tmp_path):
    def none(record, **more):
        columns = {name: getattr(record, name) for name in more.pop("names")}
        return {name: column if column is None else column[:0] for name, column in columns.items()}

    path = tmp_path / "report.parquet"
    table = replace(
        case.table, sample_id=[], given_label=[], path=[], split=[], labels=LabelSpace(("happy", "neutral", "sad"))
    )
    evidence = replace(
        case.evidence,
        **none(
            case.evidence, names=["posterior", "peer1", "peer2", "epochs_clean", "epochs_ambiguous", "epochs_noisy"]
        ),
    )
    facts = replace(case.facts, **none(case.facts, names=case.facts.__dataclass_fields__))
    verdicts = replace(case.verdicts, **none(case.verdicts, names=case.verdicts.__dataclass_fields__))
    write_report(path, table=table, evidence=evidence, facts=facts, verdicts=verdicts, metadata=case.metadata)
    assert len(read_report(path)) == 0


def test_entropy_by_hand():
    posterior = np.array([[0.5, 0.5], [1.0, 0.0], [np.nan, np.nan]], dtype=np.float32)
    assert entropy(posterior)[:2] == pytest.approx([np.log(2), 0.0])
    assert np.isnan(entropy(posterior)[2])


def test_reading_needs_neither_torch_nor_pandas_nor_sklearn(case, tmp_path):
    path = case.write(tmp_path / "report.parquet")
    code = (
        "import sys; from labelaudit.report.table import read_report; from labelaudit.report.summary import summarise;"
        f"report = read_report({str(path)!r}); print('pandas' in sys.modules); summarise(report);"
        "print([name for name in ('torch', 'sklearn', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["False", "[]"]  # Arrow itself loads pandas when it hands out numpy arrays
