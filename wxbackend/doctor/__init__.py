"""`wxbackend doctor`: what stands between this installation and a payment, and how to mend it."""
