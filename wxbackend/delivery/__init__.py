"""Events out: signed, posted to the merchant's endpoint, again on a schedule until a 2xx."""
