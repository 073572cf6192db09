"""How a figure moves with what it depends on: the curves of docs/proof/benchmarks.md. `python -m benchmarks.curves` in tests/."""
