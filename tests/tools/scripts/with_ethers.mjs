// ethers 6. node with_ethers.mjs RPC_URL WS_URL KEY ARTIFACT: facts as JSON, the same on every chain.
import { readFileSync } from "node:fs";
import { Contract, ContractFactory, JsonRpcProvider, Wallet, WebSocketProvider, parseEther } from "ethers";

const [url, ws, key, artifact] = process.argv.slice(2);
const { abi, bytecode } = JSON.parse(readFileSync(artifact, "utf8"));
const provider = new JsonRpcProvider(url, undefined, { polling: true, pollingInterval: 100, cacheTimeout: -1 });
const wallet = new Wallet(key, provider);
const facts = {};

const nonce = await wallet.getNonce();
const other = Wallet.createRandom().address;
for (const type of [0, 1, 2]) {
  const sent = await wallet.sendTransaction({ to: other, value: 7n, type });
  const receipt = await sent.wait();
  facts[`type ${type}`] = [receipt.type, receipt.status, String(receipt.gasUsed), receipt.confirmations !== undefined];
}
facts.balance = String(await provider.getBalance(other));
facts.nonce = (await wallet.getNonce()) - nonce;

const vault = await new ContractFactory(abi, bytecode, wallet).deploy();
await vault.waitForDeployment();
const deposited = await (await vault.deposit({ value: parseEther("2") })).wait();
const event = vault.interface.parseLog(deposited.logs[0]);
facts.event = [event.name, event.args[0] === wallet.address, String(event.args[1])];
facts.read = String(await vault.deposits(wallet.address));
facts.gas = String(await vault.deposit.estimateGas({ value: 1n })) === String(await vault.deposit.estimateGas({ value: 1n }));
await (await vault.shout(3)).wait();
const logs = await vault.queryFilter(vault.filters.Deposited(wallet.address), deposited.blockNumber);
facts.logs = logs.map((one) => String(one.args[1]));
try {
  await vault.withdraw(parseEther("3"));
} catch (error) {
  facts.custom = [error.code, error.revert?.name, error.revert?.args.map(String)];
}
try {
  await vault.deposit.staticCall({ value: 0n });
} catch (error) {
  facts.reason = [error.code, error.reason];
}
facts.then = String(await vault.deposits(wallet.address, { blockTag: deposited.blockNumber }));
facts.before = String(await vault.deposits(wallet.address, { blockTag: deposited.blockNumber - 1 }));

const block = await provider.getBlock(deposited.blockNumber, true);
facts.block = [block.prefetchedTransactions.some((one) => one.hash === deposited.hash), block.number === deposited.blockNumber];
const fees = await provider.getFeeData();
facts.fees = [fees.maxFeePerGas > 0n, fees.maxPriorityFeePerGas > 0n];

const socket = new WebSocketProvider(ws);
const listening = new Contract(await vault.getAddress(), abi, socket);
const heard = new Promise((resolve) => listening.on("Deposited", (who, amount) => resolve([who === wallet.address, String(amount)])));
await socket.getBlockNumber();
await listening.listenerCount();
await (await vault.deposit({ value: 11n })).wait();
facts.heard = await heard;
await listening.removeAllListeners();
await socket.destroy();
provider.destroy();
console.log(JSON.stringify(facts));
