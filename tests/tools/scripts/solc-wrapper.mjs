#!/usr/bin/env node
// npm's solc as forge wants a compiler to be: `--version`, and `--standard-json` from standard input.
import { readFileSync } from "node:fs";
import solc from "solc";

if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version().replace(".Emscripten.clang", "")}`);
} else {
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
}
