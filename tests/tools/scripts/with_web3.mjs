// web3.js 4. node with_web3.mjs RPC_URL WS_URL KEY ARTIFACT: facts as JSON, the same on every chain.
import { readFileSync } from "node:fs";
import { Web3 } from "web3";

const [url, , key, artifact] = process.argv.slice(2);
const { abi, bytecode } = JSON.parse(readFileSync(artifact, "utf8"));
const web3 = new Web3(url);
web3.eth.transactionPollingInterval = 100;
const { address: from } = web3.eth.accounts.wallet.add(key).get(0);
const facts = {};

const vault = await new web3.eth.Contract(abi).deploy({ data: bytecode }).send({ from });
const deposited = await vault.methods.deposit().send({ from, value: "2000" });
const event = deposited.events.Deposited.returnValues;
facts.event = [event.who === from, String(event.amount), String(deposited.status)];
facts.read = String(await vault.methods.deposits(from).call());
facts.logs = (await vault.getPastEvents("Deposited", { fromBlock: deposited.blockNumber })).length;
try {
  await vault.methods.withdraw("3000").call({ from });
} catch (error) {
  facts.custom = [error.name, error.cause?.errorName];
}
try {
  await vault.methods.deposit().call({ from, value: "0" });
} catch (error) {
  facts.reason = error.cause?.message;
}
facts.signed = web3.eth.accounts.recover("hello", web3.eth.accounts.sign("hello", key).signature) === from;
facts.code = (await web3.eth.getCode(vault.options.address)).length > 100;
console.log(JSON.stringify(facts));
