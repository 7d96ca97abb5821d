"""Transactions that wait for a block: admission, queues by sender and nonce, prices, and what a new head changes."""
