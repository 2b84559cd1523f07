"""A busy day: a bill of any number of rows with every kind of difference planted, and our books beside it.

python -m tests.bill_day --rows 100000
"""
