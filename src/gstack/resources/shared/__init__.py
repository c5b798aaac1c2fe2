"""Pure: names, references, labels, metadata, and what is refused."""
