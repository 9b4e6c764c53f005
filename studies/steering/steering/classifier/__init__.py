"""The classifier half of the study: perceptrons on scenes and on equality."""
