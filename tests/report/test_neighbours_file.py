import numpy as np
import pytest

from labelaudit.errors import ReportError
from labelaudit.report.neighbours import SHOWN, read_neighbours, write_neighbours
from labelaudit.rundir import RunDir


def test_what_was_written_is_read(tmp_path):
    run = RunDir(tmp_path)
    assert read_neighbours(run, np.array([0])) is None
    nearest = np.full((4, 3), -1, dtype=np.int32)
    nearest[0] = [2, 3, -1]
    nearest[2] = [0, 3, 1]
    write_neighbours(run.neighbours, nearest)
    found = read_neighbours(run, np.array([2, 1, 0]))
    assert found.shape == (3, SHOWN)
    assert found[:, :3].tolist() == [[0, 3, 1], [-1, -1, -1], [2, 3, -1]]
    assert (found[:, 3:] == -1).all()


def test_more_than_are_shown_are_cut(tmp_path):
    run = RunDir(tmp_path)
    write_neighbours(run.neighbours, np.arange(40, dtype=np.int32).reshape(2, 20))
    assert read_neighbours(run, np.array([1])).tolist() == [list(range(20, 20 + SHOWN))]


def test_a_damaged_file_is_said(tmp_path):
    run = RunDir(tmp_path)
    run.neighbours.write_bytes(b"PAR1 not")
    with pytest.raises(ReportError, match=r"neighbours\.parquet cannot be read \(.*; audit again"):
        read_neighbours(run, np.array([0]))
    write_neighbours(run.neighbours, np.zeros((2, 2), dtype=np.int32))
    with pytest.raises(ReportError, match="audit again"):
        read_neighbours(run, np.array([7]))
