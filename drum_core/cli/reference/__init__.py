"""The reference of the command line, as Markdown and as a manual page, made from the options."""
