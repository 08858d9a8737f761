"""What may be believed about each sample: posteriors of models that never saw its label."""
