"""What was read, on disk, before anything durable rests on it: `writer` appends, `reader` gives it back."""
