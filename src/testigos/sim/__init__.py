"""Simulation: a plan becomes true tracks, these become reports, and these become bytes of real formats.

Truth is kept beside the bytes, so that the error of every finding can be measured. All output says SIMULATED.
"""
