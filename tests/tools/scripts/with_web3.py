"""Web3 for Python. python with_web3.py RPC_URL WS_URL KEY ARTIFACT: facts as JSON, the same on every chain."""

import json
import sys
from pathlib import Path

from web3 import Web3
from web3.exceptions import ContractCustomError, ContractLogicError, Web3RPCError
from web3.middleware import SignAndSendRawMiddlewareBuilder

url, _, key, artifact = sys.argv[1:]
code = json.loads(Path(artifact).read_text(encoding="utf-8"))
w3 = Web3(Web3.HTTPProvider(url))
account = w3.eth.account.from_key(key)
w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(account), layer=0)
w3.eth.default_account = account.address
facts: dict[str, object] = {}


def mined(sent: bytes) -> dict:
    return w3.eth.wait_for_transaction_receipt(sent, timeout=60, poll_latency=0.1)


made = mined(w3.eth.contract(abi=code["abi"], bytecode=code["bytecode"]).constructor().transact())
vault = w3.eth.contract(address=made["contractAddress"], abi=code["abi"])
receipt = mined(vault.functions.deposit().transact({"value": 2_000}))
(event,) = vault.events.Deposited().process_receipt(receipt)
facts["event"] = [event["args"]["who"] == account.address, event["args"]["amount"], receipt["status"], receipt["type"]]
facts["read"] = vault.functions.deposits(account.address).call()
facts["logs"] = len(vault.events.Deposited().get_logs(from_block=receipt["blockNumber"]))
try:
    vault.functions.withdraw(3_000).call()
except ContractCustomError as error:
    facts["custom"] = str(error.data)
try:
    vault.functions.deposit().call({"value": 0})
except ContractLogicError as error:
    facts["reason"] = str(error.message)
facts["history"] = len(w3.eth.fee_history(2, "latest", [50])["baseFeePerGas"])
try:
    facts["proof"] = len(w3.eth.get_proof(vault.address, [0])["storageProof"])
except Web3RPCError as error:
    facts["proof"] = str(error)
facts["count"] = w3.eth.get_block_transaction_count(receipt["blockNumber"]) >= 1
print(json.dumps(facts))
