"""What the command line does, one module per command. Options and help are declared in `cli`."""
