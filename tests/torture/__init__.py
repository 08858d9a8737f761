"""The long form of what is promised about reliability and security: ``make torture`` runs it and prints one table."""

import os

# Cases run in forked children, in which a pool of threads does not live on: who waits for it waits forever. Set before
# numpy and torch are imported, which read it then.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"
