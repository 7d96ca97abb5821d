// SPDX-License-Identifier: AGPL-3.0-or-later
pragma solidity ^0.8.0;

/// What the scripts deploy: storage, events, a custom error, a string error, an event in a loop.
contract Vault {
    mapping(address => uint256) public deposits;
    event Deposited(address indexed who, uint256 amount);
    error TooMuch(uint256 wanted, uint256 there);

    constructor() payable {}

    function deposit() external payable {
        require(msg.value > 0, "nothing sent");
        deposits[msg.sender] += msg.value;
        emit Deposited(msg.sender, msg.value);
    }

    function withdraw(uint256 amount) external {
        uint256 there = deposits[msg.sender];
        if (amount > there) revert TooMuch(amount, there);
        deposits[msg.sender] = there - amount;
        payable(msg.sender).transfer(amount);
    }

    function shout(uint256 times) external {
        for (uint256 i = 0; i < times; i++) emit Deposited(msg.sender, i);
    }

    /// Asks the chain's own contract for the last block's proof: its hash, or zero where there is no such contract.
    function lastHash() external view returns (bytes32) {
        (bool done, bytes memory out) = address(0x5105).staticcall(abi.encode(block.number - 1));
        return done && out.length == 288 ? abi.decode(out, (bytes32)) : bytes32(0);
    }
}
