"""The vault: stores blobs, envelopes, capsules and notes that it cannot read."""
