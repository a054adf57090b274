"""Empty chunks, one by one durably done: our lane, a Celery group, Dagster’s mapped steps."""
