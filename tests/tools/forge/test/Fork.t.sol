// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.0;

import {Vault} from "../src/Vault.sol";

/// Runs on the state of a chain that it forks: what genesis has is there.
contract ForkTest {
    function test_contracts_of_genesis_are_there() public view {
        require(address(0x4e59b44847b379578588920cA78FbF26c0B4956C).code.length == 69, "no CREATE2 deployer");
    }

    function test_accounts_are_there() public view {
        require(address(0x70997970C51812dc3A010C7d01b50e0d17dc79C8).balance > 9_000 ether, "no balance");
    }

    function test_a_vault_works() public {
        Vault vault = new Vault();
        vault.deposit{value: 1}();
        require(vault.deposits(address(this)) == 1, "no deposit");
    }
}
