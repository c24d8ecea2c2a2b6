"""The asset graph: the library's results as partitioned Dagster assets."""
