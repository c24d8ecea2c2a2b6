"""Settings that every test shares."""

from hypothesis import settings

# A loaded machine is slow, and slow is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
