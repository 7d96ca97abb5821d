"""The accounts of every developer's chain: whoever can read has the keys."""

DEVELOPER_WORDS = "test test test test test test test test test test test junk"
DEVELOPER_ACCOUNTS = 20
"""m/44'/60'/0'/0/0 to 19 (BIP-44) are paid in the genesis of networks whose coins are worth nothing."""
