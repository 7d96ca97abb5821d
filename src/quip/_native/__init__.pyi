"""The native module (crates/python), one submodule per crate that is bound. Every bad argument raises ValueError."""

from quip._native import evm as evm
from quip._native import hashes as hashes
from quip._native import hashsig as hashsig
from quip._native import hybrid as hybrid
from quip._native import ising as ising
from quip._native import keys as keys
from quip._native import rlp as rlp
from quip._native import seal as seal
from quip._native import simulate as simulate
from quip._native import state as state
from quip._native import store as store
