"""A wallet's accounts: words, the payout account, keystores, hybrid accounts; what they sign, and backups."""
