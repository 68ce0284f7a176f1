"""What can be typed on the command line: parsers and help texts. Runs no command."""
