"""The small deployment of the components' tests serves here, too."""

from batch_pipelines_tests.components.conftest import shop

__all__ = ["shop"]
