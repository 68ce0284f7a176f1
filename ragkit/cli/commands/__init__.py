"""One module per command or group of commands: call the collection, print the result."""
