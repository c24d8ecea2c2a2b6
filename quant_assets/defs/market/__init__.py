"""Prices as found, returns that hold the contract, and who may be held."""
