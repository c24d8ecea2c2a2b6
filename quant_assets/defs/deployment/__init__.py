"""From what was elected to what is served."""
