"""privledger: share records and keep control of them."""
