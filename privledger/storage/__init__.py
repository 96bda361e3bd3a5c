"""Files that survive a crash: atomic writes, removal that is durable, locks between processes."""
