"""The documentation site: `sphinx-build -c docs -W --keep-going -n . build/site`.

The source folder is the repository, so that the same relative links work in the repository and on the site.
"""

from __future__ import annotations

project = "threadless"
author = "the threadless maintainers"
root_doc = "docs/index"
include_patterns = [
    "docs/*.md",
    "docs/hosts/*.md",
    "docs/reference/*.md",
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "tests/wire/COVERAGE.md",
    "benchmarks/results/*.md",
]
extensions = ["myst_parser", "sphinx_copybutton", "sphinx_external_toc"]
external_toc_path = "docs/_toc.yml"

myst_heading_anchors = 3
myst_enable_extensions = ["attrs_inline"]
copybutton_prompt_text = "$ "

html_theme = "furo"
html_title = "threadless"
html_show_sphinx = False
html_show_copyright = False
