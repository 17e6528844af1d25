"""Adversarial attacks: how robust is a model, and is the robustness real?

`steps` is the attack loop, `gradients` the gradient on each Keras backend, `losses` what is climbed, `spaces` where, `square` a
search without gradients. `protocols` puts them together by name, `sweep` runs them over images in batches. `campaign` attacks
a run directory and writes `table`'s rows, `selection` many of them, `diagnosis` says what the rows mean.
"""
