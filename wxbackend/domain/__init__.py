"""What a payment is, in our own words: values, the state machine and its errors. No I/O at all."""
