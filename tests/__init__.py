"""The tests: see CONTRIBUTING.md for what each folder claims."""
