"""Tests of batch_pipelines: its folders again, plus contracts/, system/ and ui/. Fakes, not mocks."""
