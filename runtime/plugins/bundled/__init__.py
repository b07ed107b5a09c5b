"""Plug-ins that come with the product, one module each. They are off until somebody switches them on."""
