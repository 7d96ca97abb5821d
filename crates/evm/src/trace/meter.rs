//! How many bytes a trace takes, about: it is refused before memory is short.
use std::collections::HashSet;

use alloy_primitives::{Address, U256};
use revm::bytecode::opcode;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::{InputsTr, Jumps};
use revm::interpreter::Interpreter;

/// Of a step without its stack, memory and storage.
const STEP: usize = 200;
/// Of a call without its bytes.
const CALL: usize = 500;
/// Of a word on the stack; of a slot and its value.
const WORD: usize = 32;
const SLOT: usize = 2 * WORD;

/// What of each step is kept.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    pub stack: bool,
    pub memory: bool,
    pub storage: bool,
}

/// What a trace keeps, and how many bytes it may still take.
pub struct Meter {
    /// None: steps are not kept, calls only.
    steps: Option<Steps>,
    left: usize,
    /// Every step at a slot shows all that were touched before.
    slots: HashSet<(Address, U256)>,
}

impl Meter {
    pub fn new(steps: Option<Steps>, bytes: usize) -> Self {
        Self {
            steps,
            left: bytes,
            slots: HashSet::new(),
        }
    }

    pub fn is_spent(&self) -> bool {
        self.left == 0
    }

    fn charge(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }

    /// A call begins or ends, with so many bytes.
    pub fn call(&mut self, bytes: usize) {
        self.charge(CALL + bytes);
    }

    /// The next instruction.
    pub fn step(&mut self, interpreter: &Interpreter<EthInterpreter>) {
        let Some(steps) = self.steps else {
            return;
        };
        let mut bytes = STEP;
        if steps.stack {
            bytes += WORD * interpreter.stack.len();
        }
        if steps.memory {
            bytes += interpreter.memory.len();
        }
        let opcode = interpreter.bytecode.opcode();
        if steps.storage && matches!(opcode, opcode::SLOAD | opcode::SSTORE) {
            if let Some(slot) = interpreter.stack.data().last() {
                self.slots
                    .insert((interpreter.input.target_address(), *slot));
            }
            bytes += SLOT * self.slots.len();
        }
        self.charge(bytes);
    }
}
