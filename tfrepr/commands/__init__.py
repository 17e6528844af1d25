"""The commands: each module holds one click command, `main`.

`tfrepr/__main__.py` puts them under the one name `tfrepr`; `scripts/` starts them from a clone without an installation.
"""
