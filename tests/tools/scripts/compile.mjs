// Vault.sol -> {abi, bytecode} on standard output. node compile.mjs Vault.sol
import { readFileSync } from "node:fs";
import solc from "solc";

const input = {
  language: "Solidity",
  sources: { "Vault.sol": { content: readFileSync(process.argv[2], "utf8") } },
  settings: { optimizer: { enabled: true }, outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } } },
};
const output = JSON.parse(solc.compile(JSON.stringify(input)));
const errors = (output.errors ?? []).filter((one) => one.severity === "error");
if (errors.length) throw new Error(errors.map((one) => one.formattedMessage).join("\n"));
const { abi, evm } = output.contracts["Vault.sol"].Vault;
console.log(JSON.stringify({ abi, bytecode: "0x" + evm.bytecode.object }));
