"""HTTP in: authenticate, parse, call one flow, render."""
