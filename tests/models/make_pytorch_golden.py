"""Writes tests/models/pytorch_golden.npz: what PyTorch answers for the models of golden_models.py, in double precision.

    pip install -e '.[bench]'
    PYTHONPATH=. python tests/models/make_pytorch_golden.py

For each model: outputs with moving and with batch statistics, the loss with the latter, and fingerprints of the gradients by
all trainable weights and of the moving statistics after that step. Repeat it after a change of golden_models.py or of
benchmarks/torch_reference.py, never to make a failing test pass.
"""

import numpy as np
import torch
from golden_models import FILE, IDS, MODELS, fingerprint, images, representation_of, seeded_model

from benchmarks.torch_reference import copy_weights, torch_gradients, torch_model, torch_statistics
from tfrepr.files import npz_bytes, write_atomically


def loss_in_torch(label, outputs, ids):
    """PyTorch's own losses, means over the batch."""
    if label == "category":
        return torch.nn.functional.cross_entropy(outputs, ids)
    table = torch.from_numpy(representation_of(label).table.astype(np.float64))
    return torch.nn.functional.smooth_l1_loss(outputs, table[ids])


def answers(name):
    """The arrays of one model."""
    encoder, label = MODELS[name]
    _, model = seeded_model(name)
    reference = torch_model(label, vgg=encoder == "vgg19").double()
    copy_weights(model, reference)
    inputs = torch.from_numpy(images().transpose(0, 3, 1, 2).copy())
    still = reference.eval()(inputs)
    outputs = reference.train()(inputs)
    loss = loss_in_torch(label, outputs, torch.from_numpy(IDS))
    loss.backward()
    return {"still": still.detach().numpy().astype(np.float32), "training": outputs.detach().numpy().astype(np.float32),
            "loss": loss.detach().numpy(), "gradients": fingerprint(torch_gradients(model, reference)),
            "statistics": fingerprint(torch_statistics(model, reference))}


def main():
    arrays = {f"{name}/{part}": array for name in MODELS for part, array in answers(name).items()}
    write_atomically(FILE, npz_bytes(arrays, compressed=True))
    print(f"{FILE.name}: {FILE.stat().st_size:,} bytes, by PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
