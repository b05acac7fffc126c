"""What the standard asks, in pure rules: values in, values out."""
