"""Reports over the tables: from one YAML file to PDF, XLSX, HTML, CSV, Parquet and JSON. No Dagster, no delivery.

declaration/  what the YAML says
gather        run the queries once, keep their rows: a snapshot with an id
process       rows → one document: title, figures, charts, tables, text, in reading order
render/       one renderer a format: document → file
generate      all files of a report, whole or not at all, with a manifest
lint          everything that can be known to fail before a run
pipeline      all of it behind one name, `Reporting`
"""
