"""The soak: the whole product under load and mischief while a hand kills its parts; then all books must agree."""
