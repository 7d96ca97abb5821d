"""L4: key files, signer state, mnemonic."""
