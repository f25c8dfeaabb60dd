"""From a wanted density to a potential whose exact ground state has it."""
