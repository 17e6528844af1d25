"""Adversarial attacks: how robust is a model, and is the robustness real?

`steps` is the attack loop, `auto_steps` the step rule of Auto-PGD, `gradients` the gradient on each Keras backend, `losses`
what is climbed, `spaces` where, `square` a search without gradients. `protocols` puts them together by name, `craft` makes
adversarial images, `sweep` runs attacks over images in batches. `campaign` attacks a run directory and writes `table`'s rows,
`command` many of them. `diagnosis` and `signs` say what the rows mean, `binarisation` tests the attack itself.
"""
