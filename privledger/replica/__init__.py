"""A verified replay of the chain for those who trust only what they computed."""
