"""Mnemonics and the payout account."""
