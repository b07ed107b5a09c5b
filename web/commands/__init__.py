"""The commands of ``dougong``, one module a concern."""
