"""privledger_crypto: the cryptography of privledger, one standard a module."""
