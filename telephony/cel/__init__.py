"""Channel events as Asterisk's cel_custom writes them: the grammar of our lines (`grammar`), and direct `stays`."""
