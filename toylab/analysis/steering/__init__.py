"""Methods that read or steer a network by its activations or weights, one per module."""
