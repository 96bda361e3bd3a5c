"""One module for each command. Each holds `app`, which `privledger.cli.app` loads when the command is run."""
