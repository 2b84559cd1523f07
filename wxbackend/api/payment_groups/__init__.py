"""PaymentGroups over HTTP."""
