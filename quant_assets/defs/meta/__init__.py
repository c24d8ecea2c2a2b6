"""Portfolios of sleeves."""
