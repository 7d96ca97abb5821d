// viem 2. node with_viem.mjs RPC_URL WS_URL KEY ARTIFACT: facts as JSON, the same on every chain.
import { readFileSync } from "node:fs";
import { createPublicClient, createWalletClient, defineChain, http, parseEther, publicActions, webSocket } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";

const [url, ws, key, artifact] = process.argv.slice(2);
const { abi, bytecode } = JSON.parse(readFileSync(artifact, "utf8"));
const account = privateKeyToAccount(key);
const id = await createPublicClient({ transport: http(url) }).getChainId();
const chain = defineChain({
  id,
  name: "chain",
  nativeCurrency: { name: "coin", symbol: "COIN", decimals: 18 },
  rpcUrls: { default: { http: [url] } },
  contracts: { multicall3: { address: "0xca11bde05977b3631167028862be2a173976ca11" } },
});
const client = createWalletClient({ account, chain, transport: http(url), pollingInterval: 100 }).extend(publicActions);
const facts = {};
const mined = async (hash) => client.waitForTransactionReceipt({ hash });

const address = (await mined(await client.deployContract({ abi, bytecode }))).contractAddress;
const read = (functionName, args = [], more = {}) => client.readContract({ address, abi, functionName, args, ...more });
const deposited = await mined(await client.writeContract({ address, abi, functionName: "deposit", value: parseEther("2") }));
facts.deposit = [deposited.status, deposited.type, String(deposited.logs.length)];
facts.read = String(await read("deposits", [account.address]));
const events = await client.getContractEvents({ address, abi, eventName: "Deposited", fromBlock: deposited.blockNumber });
facts.events = events.map((one) => [one.args.who === account.address, String(one.args.amount)]);
try {
  await client.simulateContract({ address, abi, functionName: "withdraw", args: [parseEther("3")] });
} catch (error) {
  const cause = error.walk((one) => one.name === "ContractFunctionRevertedError");
  facts.custom = [cause?.data?.errorName, cause?.data?.args?.map(String)];
}
try {
  await client.simulateContract({ address, abi, functionName: "deposit", value: 0n });
} catch (error) {
  facts.reason = error.walk((one) => one.name === "ContractFunctionRevertedError")?.reason;
}
const overridden = await client.readContract({
  address, abi, functionName: "deposits", args: [account.address],
  stateOverride: [{ address: account.address, balance: 1n }],
});
facts.override = String(overridden);
const proof = await client.getProof({ address, storageKeys: ["0x" + "0".repeat(64)] });
facts.proof = [proof.accountProof.length > 0, proof.storageProof.length, String(proof.nonce)];
const history = await client.getFeeHistory({ blockCount: 2, rewardPercentiles: [50] });
facts.fees = [history.baseFeePerGas.length, history.gasUsedRatio.length];
const access = await client.createAccessList({ to: address, data: "0xd0e30db0", value: 1n, account });
facts.access = access.accessList.map((one) => [one.address === address.toLowerCase(), one.storageKeys.length]);

// EIP-7702: an account without coins runs the vault's code for one transaction's author.
const delegate = privateKeyToAccount(generatePrivateKey());
const authorization = await client.signAuthorization({ account: delegate, contractAddress: address });
const set = await mined(await client.sendTransaction({ to: account.address, authorizationList: [authorization] }));
facts.delegated = [set.status, set.type, (await client.getCode({ address: delegate.address })) === "0xef0100" + address.slice(2).toLowerCase()];

const filter = await client.createContractEventFilter({ address, abi, eventName: "Deposited" });
await mined(await client.writeContract({ address, abi, functionName: "shout", args: [2n] }));
facts.filter = (await client.getFilterChanges({ filter })).map((one) => String(one.args.amount));
await client.uninstallFilter({ filter });

const socket = createPublicClient({ chain, transport: webSocket(ws) });
const heard = new Promise((resolve, reject) => {
  const stop = socket.watchContractEvent({ address, abi, eventName: "Deposited", onError: reject, onLogs: (logs) => { stop(); resolve(String(logs[0].args.amount)); } });
});
await socket.getBlockNumber();
await new Promise((resolve) => setTimeout(resolve, 300));
await mined(await client.writeContract({ address, abi, functionName: "deposit", value: 13n }));
facts.heard = await heard;
facts.traced = await client.request({ method: "debug_traceTransaction", params: [deposited.transactionHash, { tracer: "callTracer" }] }).then((one) => [one.type, one.to === address, one.logs === undefined]);
console.log(JSON.stringify(facts));
process.exit(0);
