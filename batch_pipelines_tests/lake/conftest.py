"""The small project of the processing tests: tables are made by processing."""

from batch_pipelines_tests.processing.conftest import project

__all__ = ["project"]
