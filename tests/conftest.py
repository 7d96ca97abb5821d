"""Settings of all tests: hypothesis prints what reproduces a failure; signals are as a person's shell leaves them."""

import signal

from hypothesis import settings

import quip.wallet.accounts.classical  # noqa: F401  (eth-account raises the recursion limit for who imports it first)

settings.register_profile("quip", deadline=None, print_blob=True, database=None)
settings.load_profile("quip")

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs the tests under nohup has it ignored, and children inherit that
