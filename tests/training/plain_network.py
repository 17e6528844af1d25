"""One hidden layer, its gradients and its training in NumPy, in double precision: nothing of Keras, nothing of `tfrepr`.

It follows the paper and PyTorch's documentation: `mlp1x512` under the two losses, `torch.optim.SGD` with momentum and weight
decay, the rates of both schedules. Configs are dictionaries, as config.json holds them.
"""

import numpy as np


def rate_of(config, epoch):
    """Paper A.4.1: a tenth after half of the epochs, a hundredth after three quarters. Zhang et al. 2016: 5% less an epoch."""
    if config["schedule"] == "exponential":
        return config["learning_rate"] * 0.95**epoch
    done = epoch / config["epochs"]
    return config["learning_rate"] * (0.01 if done >= 0.75 else 0.1 if done >= 0.5 else 1)


def forward(weights, images):
    """Hidden activations and outputs, both `(batch, units)`."""
    kernel, bias, head, head_bias = weights
    hidden = np.maximum(images.reshape(len(images), -1) @ kernel + bias, 0)
    return hidden, hidden @ head + head_bias


def losses_and_slopes(config, table, ids, outputs):
    """Loss of each image `(batch,)`, and its derivative by the outputs `(batch, elements)`."""
    if config["label"] == "category":
        classes = outputs.shape[1]
        targets = np.full(outputs.shape, config["label_smoothing"] / (classes - 1))
        targets[np.arange(len(ids)), ids] = 1 - config["label_smoothing"]
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        log_shares = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return -(targets * log_shares).sum(axis=1), np.exp(log_shares) - targets
    error = outputs - table[ids]
    size = np.abs(error)
    return np.where(size < 1, error**2 / 2, size - 0.5).mean(axis=1), np.clip(error, -1, 1) / error.shape[1]


def answers(config, table, outputs):
    """The largest logit, or the nearest row."""
    if config["label"] == "category":
        return outputs.argmax(axis=1)
    return ((outputs[:, None] - table) ** 2).sum(axis=-1).argmin(axis=1)


def judged(config, table, weights, images, ids):
    """Mean loss and accuracy."""
    outputs = forward(weights, images)[1]
    loss = losses_and_slopes(config, table, ids, outputs)[0].mean()
    return loss, (answers(config, table, outputs) == ids).mean()


def trained(config, table, weights, epochs):
    """Weights after each epoch, and the mean loss over each epoch's images while they changed.

    Args:
        config: That of the run.
        table: Label rows, `(classes, elements)`.
        weights: Kernel and bias of the hidden layer, then of the head.
        epochs: A list of (images, ids) for each epoch.
    """
    weights = [weight.astype(np.float64) for weight in weights]
    momenta = [np.zeros_like(weight) for weight in weights]
    after, losses = [], []
    for epoch, batches in enumerate(epochs):
        total = 0.0
        for images, ids in batches:
            hidden, outputs = forward(weights, images)
            loss, slopes = losses_and_slopes(config, table, ids, outputs)
            total += loss.sum()
            slopes = slopes / len(ids)
            below = (slopes @ weights[2].T) * (hidden > 0)
            gradients = [images.reshape(len(images), -1).T @ below, below.sum(axis=0), hidden.T @ slopes, slopes.sum(axis=0)]
            for weight, momentum, gradient in zip(weights, momenta, gradients, strict=True):
                momentum[:] = config["momentum"] * momentum + gradient + config["weight_decay"] * weight
                weight -= rate_of(config, epoch) * momentum
        after.append([weight.copy() for weight in weights])
        losses.append(total / sum(len(ids) for _, ids in batches))
    return after, np.array(losses)
