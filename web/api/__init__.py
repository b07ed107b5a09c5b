"""The JSON API under ``/api/v1``: the same doors as the pages, in the shapes of ``CONTRACT``."""
