"""Methods that the audit is measured against, trained on the audit's own folds, networks, epochs and pixels."""
