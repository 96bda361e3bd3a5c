"""The auditor: re-derives everything and compares."""
