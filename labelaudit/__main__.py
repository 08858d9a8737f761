"""``python -m labelaudit``."""

from labelaudit.cli.app import main

if __name__ == "__main__":
    main()
