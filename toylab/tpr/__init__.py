"""Tensor-product-representation probes."""
