"""Methods that change what a network does, by its activations, its weights or its samples."""
