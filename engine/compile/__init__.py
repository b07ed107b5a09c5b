"""From the merged tree to the frozen model, one module per concept."""
