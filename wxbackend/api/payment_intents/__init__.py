"""PaymentIntents over HTTP."""
