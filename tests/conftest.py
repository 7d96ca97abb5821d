"""Settings of all tests: hypothesis prints what reproduces a failure."""

from hypothesis import settings

settings.register_profile("quip", deadline=None, print_blob=True, database=None)
settings.load_profile("quip")
