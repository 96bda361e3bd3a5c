"""The SDK: `Owner` and `Grantee` over the ports `Ledger`, `Vault` and `Keeper`."""
