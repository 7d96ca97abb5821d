import hardhatEthers from "@nomicfoundation/hardhat-ethers";

export default {
  plugins: [hardhatEthers],
  solidity: { version: "0.8.30", path: new URL("node_modules/solc/soljson.js", import.meta.url).pathname },
  networks: { chain: { type: "http", url: process.env.RPC_URL ?? "http://127.0.0.1:8545", accounts: [process.env.VAULT_KEY ?? "0x" + "01".repeat(32)] } },
};
