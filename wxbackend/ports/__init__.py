"""What flows need from the outside, as Protocols; the rooms below and beside implement them."""
