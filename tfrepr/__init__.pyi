from .errors import UserError as UserError
from .versions import __version__ as __version__
