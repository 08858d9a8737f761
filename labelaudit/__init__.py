"""Find wrong and ambiguous labels in face datasets."""

from labelaudit._version import __version__ as __version__
