"""The few things that the workflows ask of GitHub: a comment, an issue, a fork's artifact."""
