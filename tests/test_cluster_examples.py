"""The cluster examples: they parse, and what they start is the command that there is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[1] / "examples" / "cluster"


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_the_slurm_script_starts_a_process_a_gpu(tmp_path: Path) -> None:
    """With stand-ins for SLURM's own commands."""
    for name, said in (("srun", 'printf "%s\\n" "$@"'), ("scontrol", "echo node-a; echo node-b")):
        stand_in = tmp_path / name
        stand_in.write_text(f"#!/bin/bash\n{said}\n", encoding="utf-8")
        stand_in.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "SLURM_CPUS_PER_TASK": "32",
        "SLURM_GPUS_ON_NODE": "4",
        "SLURM_JOB_NODELIST": "node-[a-b]",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_JOB_ID": "7",
    }
    command = ["bash", str(FOLDER / "slurm.sh"), "faces", "runs/my faces", "--folds", "8"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == [
        "--kill-on-bad-exit=1",
        "torchrun",
        "--nnodes=2",
        "--nproc-per-node=4",
        "--rdzv-id=7",
        "--rdzv-backend=c10d",
        "--rdzv-endpoint=node-a:29500",
        "-m",
        "labelaudit",
        "audit",
        "faces",
        "--out",
        "runs/my faces",
        "--resume",
        "--folds",
        "8",
    ]
    refused = subprocess.run(command[:3], env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "usage: sbatch slurm.sh DATASET OUT" in refused.stderr


def test_the_kubernetes_job_finds_its_first_pod() -> None:
    service, job = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text(encoding="utf-8"))
    template: dict[str, Any] = job["spec"]["template"]["spec"]
    (container,) = template["containers"]
    arguments = dict(each.lstrip("-").split("=", 1) for each in container["args"] if "=" in each)
    pods = job["spec"]["completions"]
    assert job["spec"]["parallelism"] == pods == int(arguments["nnodes"])
    assert job["spec"]["completionMode"] == "Indexed"
    assert arguments["nproc-per-node"] == container["resources"]["limits"]["nvidia.com/gpu"]
    name = job["metadata"]["name"]
    assert template["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"job-name": name}
    assert arguments["master-addr"] == f"{name}-0.{template['subdomain']}"
    assert int(arguments["master-port"]) == container["ports"][0]["containerPort"]
    assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in template["volumes"]}
    assert container["args"][3:].count("labelaudit") == 1
    assert "--resume" in container["args"]
