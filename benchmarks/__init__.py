"""Measurements as ratios within one run; tests never assert seconds."""
