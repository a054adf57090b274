"""Reports: PDFs, workbooks and CSV against what teams make them with."""
