#!/bin/bash
# An audit on all GPUs of some nodes. Submit with:  sbatch slurm.sh DATASET OUT [options of labelaudit audit]
# Sent again after it was cut off (time limit, preemption, a lost node), it goes on where it stood.
#SBATCH --job-name=labelaudit
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=32
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=labelaudit-%j.log

set -euo pipefail
: "${2:?usage: sbatch slurm.sh DATASET OUT [options of labelaudit audit]}"

# Dataset, run folder and cache must lie where all nodes see them.
export LABELAUDIT_CACHE="${LABELAUDIT_CACHE:-$HOME/labelaudit-cache}"
# Cores of each process: for decoding, and for the ridge, which the first process computes.
export OMP_NUM_THREADS=$((SLURM_CPUS_PER_TASK / SLURM_GPUS_ON_NODE))

nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
first_node=${nodes%%$'\n'*}

# torchrun starts a process a GPU on each node. One that fails ends all (--kill-on-bad-exit).
exec srun --kill-on-bad-exit=1 torchrun \
    --nnodes="$SLURM_JOB_NUM_NODES" \
    --nproc-per-node="$SLURM_GPUS_ON_NODE" \
    --rdzv-id="$SLURM_JOB_ID" \
    --rdzv-backend=c10d \
    --rdzv-endpoint="$first_node:29500" \
    -m labelaudit audit "$1" --out "$2" --resume "${@:3}"
