"""Reports: collect from tables, one document, a renderer per format. No Dagster."""
