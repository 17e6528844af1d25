"""Missing and noisy labels: pseudo-labelling and confident learning, for any label representation."""
