"""The predictor: loads a promoted bundle and answers. No web framework."""
