"""The Parquet report: schema, write, read, summary."""
