"""Exports: facts, denials and key figures as CSV, XLSX and Parquet, of any size, at constant memory."""
