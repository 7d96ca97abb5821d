"""The accounts that a developer's chain signs for: their words are known to everybody."""

from collections.abc import Mapping
from typing import Any

from quip.networks.developer_accounts import DEVELOPER_ACCOUNTS, DEVELOPER_WORDS
from quip.primitives import ecdsa
from quip.rpc.errors import CallFailed
from quip.wallet.accounts import classical
from quip.wallet.accounts.mnemonic import Mnemonic
from quip.wallet.accounts.transaction_request import TransactionRequest
from quip.wallet.errors import BadTransaction


class DeveloperAccounts:
    """Signs for the first accounts of DEVELOPER_WORDS. Addresses have 20 bytes; what is refused raises CallFailed."""

    def __init__(self) -> None:
        words = Mnemonic.parse(DEVELOPER_WORDS)
        secrets = [words.ecdsa_secret(index) for index in range(DEVELOPER_ACCOUNTS)]
        self._secrets = {ecdsa.address(ecdsa.public_key(secret)): secret for secret in secrets}

    @property
    def addresses(self) -> tuple[bytes, ...]:
        """In the order of their indices."""
        return tuple(self._secrets)

    def sign_transaction(self, address: bytes, request: TransactionRequest) -> bytes:
        """The signed transaction of type 2."""
        return classical.sign_transaction(self._secret(address), request)

    def sign_message(self, address: bytes, message: bytes) -> bytes:
        """65 bytes (EIP-191)."""
        return classical.sign_message(self._secret(address), message)

    def sign_typed_data(self, address: bytes, document: Mapping[str, Any]) -> bytes:
        """65 bytes (EIP-712)."""
        try:
            return classical.sign_typed_data(self._secret(address), document)
        except BadTransaction as error:
            raise CallFailed(error.message) from None

    def _secret(self, address: bytes) -> bytes:
        secret = self._secrets.get(address)
        if secret is None:
            raise CallFailed("unknown account")
        return secret
