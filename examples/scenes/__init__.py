"""The scenes of the demonstration, one a module; `stage` is what they share. Run by `examples/demo.py`."""
