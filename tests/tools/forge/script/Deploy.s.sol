// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.0;

import {Vault} from "../src/Vault.sol";

interface Cheats {
    function startBroadcast() external;
    function stopBroadcast() external;
}

/// Deploys by salt (through the CREATE2 deployer), and deposits.
contract Deploy {
    Cheats private constant vm = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));

    function run() external {
        vm.startBroadcast();
        Vault vault = new Vault{salt: bytes32(block.number)}();
        vault.deposit{value: 5}();
        vm.stopBroadcast();
    }
}
