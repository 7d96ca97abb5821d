"""Methods of a node that makes blocks on demand: evm_*, hardhat_*, anvil_*, and signing for known accounts."""
