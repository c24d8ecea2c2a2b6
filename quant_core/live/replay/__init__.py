"""The embedded transport: ticks from Parquet files, signals into them."""
