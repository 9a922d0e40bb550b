"""PariVision: point-in-time shot and game probabilities, promoted only when proven better."""
