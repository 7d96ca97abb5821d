// Hardhat 2: npx hardhat run --network chain scripts/vault.cjs: facts as JSON.
const { ethers } = require("hardhat");

async function main() {
  const [who] = await ethers.getSigners();
  const vault = await ethers.deployContract("Vault");
  await vault.waitForDeployment();
  await (await vault.deposit({ value: 21n })).wait();
  const facts = { read: String(await vault.deposits(who.address)) };
  try {
    await vault.withdraw.staticCall(99n);
  } catch (error) {
    facts.custom = [error.revert?.name, error.revert?.args.map(String)];
  }
  console.log(JSON.stringify(facts));
}

main().catch((error) => { console.error(error); process.exitCode = 1; });
