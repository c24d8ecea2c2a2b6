"""The log of a runner: events, and a sample of its ticks, as lines of JSON."""
