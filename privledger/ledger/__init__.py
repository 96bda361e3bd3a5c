"""The ledger: admission, sequencing, integration and publishing."""
