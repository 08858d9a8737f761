"""The page where a person decides: a small server on this machine, one page, one file of decisions. No torch."""
