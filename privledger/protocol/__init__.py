"""What crosses a boundary: entries, terms, requests, receipts, checkpoints and tiles, as pure values."""
