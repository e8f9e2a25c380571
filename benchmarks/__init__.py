"""How fast Tarn is, beside the limit of its database and beside peers that do the same job.

`python -m benchmarks --help` says how to run it; RESULTS.md holds the last complete run.
"""
