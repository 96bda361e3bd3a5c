"""What an owner or a grantee keeps: the seed, and notes on what was sealed, granted and received (docs/spec/wallet.md).

Nothing of the ledger, a vault or a keeper may import this package: no service holds an owner's key (promise P1).
"""
