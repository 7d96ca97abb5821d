//! What watches a call while it runs: the clock, whoever cancels, and, if asked, which accounts and slots are touched.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Instant;

use alloy_primitives::{Address, B256, U256};
use revm::bytecode::opcode;
use revm::context_interface::context::ContextError;
use revm::context_interface::ContextTr;
use revm::inspector::Inspector;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::{InputsTr, Jumps};
use revm::interpreter::{
    CallInputs, CallOutcome, CreateInputs, CreateOutcome, InstructionResult, Interpreter,
};

use super::request::Bounds;
use crate::trace::Meter;

/// Instructions between two looks at the clock: some ten microseconds. Every call of a contract looks, too, since a
/// precompiled one may take milliseconds.
const STEPS_PER_LOOK: u32 = 1_024;

/// Why a call was stopped from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    Deadline,
    Cancelled,
    /// A trace of it takes too much memory.
    TooLarge,
}

/// The last instruction that was begun, and how many words lay on its stack: what an error's text names.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastStep {
    pub opcode: u8,
    pub stack: usize,
}

/// Accounts and slots that an access list would name (EIP-2930).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Warm anyway: they are listed for their slots only.
    pub excluded: BTreeSet<Address>,
    pub accounts: BTreeMap<Address, BTreeSet<B256>>,
}

impl Touched {
    fn account(&mut self, word: U256) {
        let address = Address::from_word(word.into());
        if !self.excluded.contains(&address) {
            self.accounts.entry(address).or_default();
        }
    }

    /// Of the instruction that comes next.
    fn step(&mut self, interpreter: &Interpreter<EthInterpreter>) {
        let peek = |depth: usize| {
            let words = interpreter.stack.data();
            words.len().checked_sub(depth + 1).map(|place| words[place])
        };
        match interpreter.bytecode.opcode() {
            opcode::SLOAD | opcode::SSTORE => {
                if let Some(slot) = peek(0) {
                    let contract = interpreter.input.target_address();
                    let slots = self.accounts.entry(contract).or_default();
                    slots.insert(slot.into());
                }
            }
            opcode::EXTCODECOPY
            | opcode::EXTCODEHASH
            | opcode::EXTCODESIZE
            | opcode::BALANCE
            | opcode::SELFDESTRUCT => {
                if let Some(word) = peek(0) {
                    self.account(word);
                }
            }
            opcode::CALL | opcode::CALLCODE | opcode::DELEGATECALL | opcode::STATICCALL => {
                if let Some(word) = peek(1) {
                    self.account(word);
                }
            }
            _ => {}
        }
    }
}

pub struct Probe<'a> {
    bounds: Bounds<'a>,
    steps_left: u32,
    pub stopped: Option<Stopped>,
    pub last: LastStep,
    pub touched: Option<Touched>,
    /// What a trace of the call takes.
    pub meter: Option<Meter>,
}

impl<'a> Probe<'a> {
    pub fn new(bounds: Bounds<'a>) -> Self {
        Self {
            bounds,
            steps_left: 0,
            stopped: None,
            last: LastStep::default(),
            touched: None,
            meter: None,
        }
    }

    /// Notes that a call begins or ends, with so many bytes.
    fn call_of(&mut self, bytes: usize) {
        self.steps_left = 0;
        if let Some(meter) = &mut self.meter {
            meter.call(bytes);
        }
    }

    /// Looks at the flag, the clock and the meter.
    pub fn look(&mut self) -> Option<Stopped> {
        self.steps_left = STEPS_PER_LOOK;
        if self.bounds.cancelled.load(Ordering::Relaxed) {
            self.stopped = Some(Stopped::Cancelled);
        } else if Instant::now() >= self.bounds.deadline {
            self.stopped = Some(Stopped::Deadline);
        } else if self.meter.as_ref().is_some_and(Meter::is_spent) {
            self.stopped = Some(Stopped::TooLarge);
        }
        self.stopped
    }
}

impl<CTX: ContextTr> Inspector<CTX> for Probe<'_> {
    fn step(&mut self, interpreter: &mut Interpreter<EthInterpreter>, context: &mut CTX) {
        if self.steps_left == 0 && self.look().is_some() {
            // The error ends the transaction where the frame's result is looked at; the halt only ends the frame.
            *context.error() = Err(ContextError::Custom("stopped".into()));
            interpreter.halt(InstructionResult::OutOfGas);
            return;
        }
        self.steps_left -= 1;
        self.last = LastStep {
            opcode: interpreter.bytecode.opcode(),
            stack: interpreter.stack.len(),
        };
        if let Some(touched) = &mut self.touched {
            touched.step(interpreter);
        }
        if let Some(meter) = &mut self.meter {
            meter.step(interpreter);
        }
    }

    fn call(&mut self, _context: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.call_of(inputs.input.len());
        None
    }

    fn call_end(&mut self, _context: &mut CTX, _inputs: &CallInputs, outcome: &mut CallOutcome) {
        self.call_of(outcome.result.output.len());
    }

    fn create(&mut self, _context: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.call_of(inputs.init_code().len());
        None
    }

    fn create_end(
        &mut self,
        _context: &mut CTX,
        _inputs: &CreateInputs,
        outcome: &mut CreateOutcome,
    ) {
        self.call_of(outcome.result.output.len());
    }
}
