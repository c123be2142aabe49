"""What the workflows do around a preview, an `up` and a look at what is there."""
