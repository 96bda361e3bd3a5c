"""The keeper: holds shares, and releases them for live grants only."""
