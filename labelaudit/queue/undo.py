"""Taking back what ``apply`` wrote: the labels as they were before, from the new labels and their ledger alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from labelaudit._version import __version__
from labelaudit.decision import time_text
from labelaudit.errors import DecisionError
from labelaudit.queue.applied import Opening, UndoResult
from labelaudit.queue.aside import folder_aside
from labelaudit.queue.ledger import LEDGER_NAME, UNDO, Act, earlier_ledger, last_standing, read_ledger, write_ledger
from labelaudit.queue.place import check_place
from labelaudit.queue.rewrite.write import check_undo, write_undone
from labelaudit.records import JsonDict, Progress, no_progress


def apply_undo(
    ledger: Path,
    *,
    out: Path,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress = no_progress,
) -> UndoResult:
    """Writes labels as they were before the latest act of a ledger that still stands.

    Text files and tar shards come back byte for byte; tables of other kinds with the same cells.

    Args:
        ledger: ``ledger.jsonl`` beside the labels, or the folder that holds it.
        out: The folder to be.
        force: Replace labels that an earlier call wrote there.
        dry_run: Check everything, and write nothing.
        progress: Told how it goes.

    Raises:
        DecisionError: The ledger and the labels beside it do not fit together, all is undone already, or ``out`` is
            refused.
    """
    path = ledger / LEDGER_NAME if ledger.is_dir() else ledger
    base = path.parent
    act = last_standing(read_ledger(path))
    undoing = act.undoing()
    check_place(out, over=(), into=[base], force=force)
    rows = [row for row in act.rows if "written" in row]
    try:
        check_undo(base, undoing)
        result = UndoResult(
            changed=[(row["sample_id"], row["new"], row["old"]) for row in rows],
            how=undoing.how,
            when=act.about["when"],
            out=out,
            written=not dry_run,
            opening=Opening.from_json(act.about["opening"], base),
        )
        if not dry_run:
            with folder_aside(out) as folder:
                files = write_undone(base, undoing, folder, progress=progress)
                about = _about(act, result) | files
                write_ledger(folder, earlier=earlier_ledger(base), about=about, rows=map(_turned_back, rows))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DecisionError(f"{path} is damaged ({type(error).__name__}: {error}): it cannot be undone") from error
    except OSError as error:
        raise DecisionError(
            f"cannot write {out}: {error.strerror or error}; free some space, or name another folder"
        ) from error
    return result


def _about(act: Act, result: UndoResult) -> JsonDict:
    kept = {name: act.about[name] for name in ("as", "dataset", "dataset_fingerprint", "model_hash")}
    now = time_text(datetime.now(UTC))
    return {
        "act": UNDO,
        "when": now,
        "undone": act.about["when"],
        **kept,
        "tool_version": __version__,
        "opening": result.opening.to_json(result.out),
    }


def _turned_back(row: JsonDict) -> JsonDict:
    """A row's line in the act that takes another back."""
    line = {name: row[name] for name in ("sample_id", "content_sha256")}
    return {**line, "old": row["new"], "new": row["old"], "ruling": UNDO}
