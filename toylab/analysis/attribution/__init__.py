"""What a layer, a neuron or an input contributes: lenses, gradients, neurons and concepts."""
