"""WeChat Pay API v3 as a merchant meets it: gate, orders, cashier and notices."""
