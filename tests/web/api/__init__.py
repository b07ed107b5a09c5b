"""Tests of the API through its own address."""
