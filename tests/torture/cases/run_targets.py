"""Commands and readers of runs that are fuzzed: reports, queues, ledgers, models, settings, lists."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from .ground import Ground, heard
from .spoil import Spoil, spoil_bytes, spoil_json, spoil_model
from .target import Prepared, Target

_SUITE = ("report.parquet", "summary.json", "thresholds.parquet", "neighbours.parquet", "dataset.json", "run.json")


def targets(ground: Ground) -> Iterator[Target]:
    """All of them."""
    yield Target("decisions jsonl", _decision_lines(ground))
    for form in ("csv", "parquet"):
        yield Target(f"decisions {form}", _queue_table(ground, form))
    yield Target("ledger", _ledger(ground), 2.0)
    yield Target("report.parquet", _report(ground))
    for name in ("report", "queue", "check", "apply", "compare"):
        yield Target(f"{name}, spoilt metadata", _metadata(ground, name), 2.0)
    yield Target("files of a run", _run_files(ground), 2.0)
    yield Target("model, bytes", _model(ground, spoil_bytes, "model.safetensors"))
    yield Target("model, vouched for", _model(ground, spoil_model, "model.json"), 6.0)
    yield Target("weights safetensors", _weights("safetensors"))
    yield Target("weights pth", _weights("pth"))
    yield Target("settings toml", _settings)
    yield Target("limits toml", _limits)
    yield Target("allow-list", _allow_list)
    yield Target("label map", _label_map)


def obeys(*arguments: str | Path) -> None:
    """Runs a command and looks whether it kept its promises: an exit code that is known, one line if it failed."""
    code, _, stderr = heard([*arguments, "--quiet"])
    assert code in (0, 1, 2), f"exit code {code}: {stderr}"
    assert "Traceback" not in stderr, stderr
    assert "labelaudit: unexpected" not in stderr, stderr
    assert code != 2 or len(stderr.strip().splitlines()) == 1, stderr


def _decision_lines(ground: Ground) -> Callable[[Path], Prepared]:
    def prepare(folder: Path) -> Prepared:
        path = folder / "decisions.jsonl"
        rows = pq.read_table(ground.run / "report.parquet", columns=["sample_id", "content_sha256"]).to_pylist()
        known = {"ruling": "label", "label": "sad", "annotator": "ann", "decided_at": "2026-01-31T12:00:00.000Z"}
        lines = [json.dumps({**row, **known, "tool": "review"}) + "\n" for row in rows[:4]]
        path.write_text("".join(lines))
        return Prepared([path], _applied(ground, path, folder), (spoil_bytes, spoil_json))

    return prepare


def _queue_table(ground: Ground, form: str) -> Callable[[Path], Prepared]:
    def prepare(folder: Path) -> Prepared:
        path = folder / f"queue.{form}"
        rows = pq.read_table(ground.run / "report.parquet", columns=["sample_id", "content_sha256"]).slice(0, 4)
        table = rows.append_column("decision", pa.array(["sad", "happy", None, "not a face"]))
        if form == "parquet":
            pq.write_table(table, path)
        else:
            table.to_pandas().to_csv(path, index=False)
        return Prepared([path], _applied(ground, path, folder))

    return prepare


def _applied(ground: Ground, decisions: Path, folder: Path) -> Callable[[], object]:
    def read() -> None:
        obeys("apply", ground.run, decisions, "--out", folder / "labels", "--dry-run")

    return read


def _ledger(ground: Ground) -> Callable[[Path], Prepared]:
    def prepare(folder: Path) -> Prepared:
        lines = _decision_lines(ground)(folder).files[0]
        code, _, stderr = heard(["apply", ground.run, lines, "--out", folder / "labels", "--as", "manifest"])
        assert code in (0, 1), stderr
        ledger = folder / "labels" / "ledger.jsonl"

        def read() -> None:
            obeys("apply", "--undo", ledger, "--out", folder / "undone", "--force")
            obeys("apply", ground.run, ledger, "--out", folder / "again", "--dry-run")

        return Prepared([ledger], read, (spoil_bytes, spoil_json, spoil_json))

    return prepare


def _report(ground: Ground) -> Callable[[Path], Prepared]:
    def prepare(folder: Path) -> Prepared:
        from labelaudit.report.table import is_report, read_report

        path = Path(shutil.copy(ground.run / "report.parquet", folder))

        def read() -> None:
            is_report(path)
            read_report(path, columns=["sample_id", "verdict"])
            read_report(path)

        return Prepared([path], read)

    return prepare


def _metadata(ground: Ground, name: str) -> Callable[[Path], Prepared]:
    """The metadata of a report as JSON of its own, put back into the report before it is read."""

    def prepare(folder: Path) -> Prepared:
        run = ground.copy_of_run(folder)
        table = pq.read_table(run / "report.parquet")
        path = folder / "metadata.json"
        path.write_bytes(table.schema.metadata[b"labelaudit"])
        commands: dict[str, tuple[str | Path, ...]] = {
            "report": ("report", run, "--out", folder / "page.html", "--force"),
            "queue": ("queue", run, "--out", folder / "queue.csv", "--format", "csv", "--force"),
            "check": ("check", run),
            "apply": ("apply", run, _decision_lines(ground)(folder).files[0], "--out", folder / "labels", "--dry-run"),
            "compare": ("compare", run, ground.run),
        }

        def read() -> None:
            pq.write_table(table.replace_schema_metadata({b"labelaudit": path.read_bytes()}), run / "report.parquet")
            obeys(*commands[name])

        return Prepared([path], read, (spoil_json,))

    return prepare


def _run_files(ground: Ground) -> Callable[[Path], Prepared]:
    def prepare(folder: Path) -> Prepared:
        run = ground.copy_of_run(folder)

        def read() -> None:
            obeys("report", run, "--out", folder / "page.html", "--force")
            obeys("queue", run, "--out", folder / "queue", "--format", "hf", "--force")
            obeys("check", run)
            obeys("compare", run, ground.run)

        return Prepared([run / name for name in _SUITE], read, (spoil_bytes, _spoil_any))

    return prepare


def _spoil_any(path: Path, chance: object) -> None:
    spoil = spoil_json if path.suffix == ".json" else spoil_bytes
    spoil(path, chance)  # type: ignore[arg-type]


def _model(ground: Ground, spoil: Spoil, file: str) -> Callable[[Path], Prepared]:
    def prepare(folder: Path) -> Prepared:
        run, faces = ground.copy_of_run(folder), ground.strangers

        def read() -> None:
            obeys(
                "score", faces, "--model", run, "--out", folder / "scored", "--force", "--cache-dir", folder / "cache"
            )

        files = [run / file, run / "model.safetensors"] if file == "model.json" else [run / file]
        return Prepared(files[:1], read, (spoil,))

    return prepare


def _weights(kind: str) -> Callable[[Path], Prepared]:
    def prepare(folder: Path) -> Prepared:
        import torch
        from safetensors.torch import save_file

        from labelaudit.nets.tensorfile import parse_tensors, read_bytes

        path = folder / f"net.{kind}"
        tensors = {"conv.weight": torch.zeros(4, 3, 3, 3), "fc.bias": torch.ones(7)}
        if kind == "pth":
            torch.save({"state_dict": tensors, "epoch": 3}, path)
        else:
            save_file(tensors, path)
        return Prepared([path], lambda: parse_tensors(read_bytes(path), path))

    return prepare


def _settings(folder: Path) -> Prepared:
    from labelaudit.settings import AuditSettings, read_settings

    path = folder / "audit.toml"
    path.write_text('[audit]\nseed = 3\nfolds = 5\neffort = "quick"\n[audit.asm]\nepochs = 3\nclean_scale = 0.8\n')
    return Prepared([path], lambda: read_settings(path, AuditSettings()))


def _limits(folder: Path) -> Prepared:
    from labelaudit.gate.config import load_config

    path = folder / "labelaudit.toml"
    path.write_text('[check]\nmax-mislabelled = { "*" = "2%", happy = 3 }\nfail-on = "estimate"\nbaseline = "x"\n')
    return Prepared([path], lambda: load_config(None, start=folder))


def _allow_list(folder: Path) -> Prepared:
    from labelaudit.gate.allow_list import read_allow_list

    path = folder / "labelaudit-allow.txt"
    path.write_text(f'{"a" * 64}  happy  # Ann\n{"b" * 64}  "odd \\u00e9 #"  # Bo\n{"c" * 64}\n')
    return Prepared([path], lambda: read_allow_list(path))


def _label_map(folder: Path) -> Prepared:
    from labelaudit.cli.label_map import read_label_map

    files = [folder / "map.json", folder / "map.csv"]
    files[0].write_text('{"0": "angry", "1": "happy"}')
    files[1].write_text('0,angry\n1,"happy, or so"\n')
    return Prepared(files, lambda: read_label_map([str(each) for each in files]))
