"""L4: the chain's ports over the one database file (crates/store).

records.py      what lies in which table, and how it is written
chain_store.py  `ChainStore` over a store: the node's durable block tree
state.py        `StateReader` over the states in it, and over some that are not written
pruning.py      how many of them are kept
lock.py         one process per data directory
check.py        is everything there and right?          reindex.py  rebuild it from the blocks that are
rewind.py       go back to a block                      replacement.py  one file takes another's place
"""

STORE_FILE = "store.redb"
"""The name of the store inside the data directory."""
