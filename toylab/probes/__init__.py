"""Probes: small supervised readouts of activations, and their controls."""
