"""Adapters to the world: Ray, and where partitions live."""
