"""Settings of the documentation: `python -m sphinx -W -n docs build/docs`. It needs no network."""

import sys
from pathlib import Path

import leukcnn
from leukcnn import quiet
from leukcnn.backend import load_keras

# Messages of a backend's start would be in the log between the warnings.
quiet.set_log_level()
load_keras()
sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "leukcnn"
author = copyright = "The leukcnn developers"
version = release = leukcnn.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "docstring_code",
    "paper_pages",
]
exclude_patterns = ["examples", "images/*.py"]

# A name between single backticks links to its page if it is one of leukcnn's, and is code otherwise.
default_role = "py:obj"
nitpicky = True
# Options keep their two hyphens.
smartquotes = False
# What has its documentation elsewhere, and names that aren't public.
nitpick_ignore_regex = [
    ("py:obj", r".*"),
    ("py:(class|exc|data|func|meth|attr|mod)", r"(?!leukcnn).*"),
    # What a store holds inside, and tables that are ready to be shown.
    ("py:class", r"leukcnn\.(runs|records|rendering)\..*"),
]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = "leukcnn"
html_static_path = ["_static"]
html_css_files = ["leukcnn.css"]
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
highlight_language = "text"
