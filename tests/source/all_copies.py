"""All small copies of datasets: one a layout."""

from __future__ import annotations

from source import expression_copies, other_copies
from source.copies import Write

COPIES: tuple[Write, ...] = (
    expression_copies.fer2013,
    expression_copies.fer2013_kaggle,
    expression_copies.fer2013_halves,
    expression_copies.fer2013_folders,
    expression_copies.fer2013_with_votes,
    expression_copies.ferplus,
    expression_copies.ferplus_table,
    expression_copies.rafdb,
    expression_copies.rafdb_with_shares,
    expression_copies.rafdb_reshipped,
    expression_copies.affectnet,
    expression_copies.affectnet_npy,
    expression_copies.affectnet_folders,
    expression_copies.expw,
    expression_copies.ckplus,
    other_copies.celeba,
    other_copies.celeba_csv,
    other_copies.utkface,
    other_copies.fairface,
    other_copies.webdataset_codes,
    other_copies.webdataset_json,
    other_copies.manifest_csv,
    other_copies.manifest_tsv,
    other_copies.manifest_jsonl,
    other_copies.manifest_parquet,
    other_copies.parquet,
    other_copies.parquet_shards,
    other_copies.huggingface,
)
