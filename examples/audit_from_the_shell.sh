#!/usr/bin/env bash
# The main job from the shell: look at a dataset, audit it, go through the worst rows.
#
#     examples/audit_from_the_shell.sh faces/ runs/faces
#
# Without arguments it draws a small dataset first, so that it runs anywhere, offline.
set -euo pipefail

dataset=${1:-}
out=${2:-runs/example}
if [ -z "$dataset" ]; then
    dataset=runs/example-faces
    python -c "
from pathlib import Path
from labelaudit.faces import draw_dataset, write_dataset
write_dataset(draw_dataset(600, seed=4), Path('$dataset'), replace=True)"
fi

labelaudit inspect "$dataset"

# --resume goes on with an interrupted run and repeats nothing; --backbone gradients needs no weights and no network.
labelaudit audit "$dataset" --out "$out" --weights none --backbone gradients --resume

# The report is Parquet: any tool opens it.
python - "$out" <<'PY'
import sys
import pandas as pd

report = pd.read_parquet(f"{sys.argv[1]}/report.parquet")
queue = report[report["queue_rank"].notna()].sort_values("queue_rank")
print(queue[["path", "given_label", "suggested_label", "p_mislabelled", "verdict"]].head(20).to_string(index=False))
PY
