"""The method: Adaptive Sample Mining (Zhang, Sun, An, Wang, arXiv 2310.05618)."""
