# The commands that set everything up by themselves. `make` alone lists them.
# PYTHON=/path/to/python3.12 chooses the interpreter; by default .ci/environment takes a suitable one from the PATH.

RUN := .venv/bin/python
SPEAKER := digits-resnet32-speech-p100-s0-batchsize32-epochs10-cba2876c
export PYTHON

.PHONY: help demo test lint clean

help:
	@echo "make demo    install what is needed into .venv, train the quickstart, draw its figures (plots/), let it speak"
	@echo "make test    install the development requirements as well, run the tests (ARGS='--run-slow' adds the slow ones)"
	@echo "make lint    check the style of the code, and that imports run one way"
	@echo "make clean   remove .venv and all caches; results stay"

demo:
	@sh .ci/environment requirements.txt
	$(RUN) scripts/train.py
	$(RUN) scripts/plot_results.py
	$(RUN) scripts/speak.py docs/images/seven.png --run $(SPEAKER) --out plots/quickstart-spoken
	@echo
	@echo "Look at    plots/quickstart-learning-curves.png and plots/quickstart-test-accuracy.png"
	@echo "See, hear  plots/quickstart-spoken/spoken.png and plots/quickstart-spoken/seven.wav:"
	@echo "           what the network says to docs/images/seven.png, a digit that it was not trained on"
	@echo "Type next  $(RUN) scripts/report.py --page --run $(SPEAKER) --report output/report"
	@echo "           $(RUN) scripts/attack.py --experiment quickstart"

test:
	@sh .ci/environment requirements.txt requirements-dev.txt
	$(RUN) -m pytest --numprocesses=2 --dist=loadfile $(ARGS)

lint:
	@sh .ci/environment requirements.txt requirements-dev.txt
	$(RUN) -m ruff check
	PYTHONPATH=. .venv/bin/lint-imports --no-logo --no-cache

clean:
	rm -rf .venv .pytest_cache .ruff_cache build dist tfrepr.egg-info
	find tfrepr scripts tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +
