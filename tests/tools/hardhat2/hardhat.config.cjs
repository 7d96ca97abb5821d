require("@nomicfoundation/hardhat-ethers");
const { subtask } = require("hardhat/config");
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require("hardhat/builtin-tasks/task-names");
const { version } = require("solc/package.json");

// npm's compiler instead of a download.
subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async () => ({
  compilerPath: require.resolve("solc/soljson.js"), isSolcJs: true, version, longVersion: version,
}));
module.exports = {
  solidity: { version, settings: { optimizer: { enabled: true } } },
  networks: { chain: { url: process.env.RPC_URL ?? "http://127.0.0.1:8545", accounts: [process.env.VAULT_KEY ?? "0x" + "01".repeat(32)] } },
};
