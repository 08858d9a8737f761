"""Evidence to verdict: thresholds, probability that a label is wrong, suggested label."""
