"""How fast Ebbtide is, as ratios within one run: beside others, as it grows, under overload."""
