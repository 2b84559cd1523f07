"""Events over HTTP: what was told, and how it went."""
