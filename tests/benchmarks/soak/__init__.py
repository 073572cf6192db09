"""The whole pipeline under a constant load, and whether anything grows: `make soak`."""
