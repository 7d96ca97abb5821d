"""From a parent state to the next: genesis, gas, rewards, transition."""
