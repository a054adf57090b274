"""Measures batch_pipelines against its peers, interleaved in one process tree: `python3 -m benchmarks`."""
