"""How fast the core is, as ratios within one run."""
