"""What a change of this repository would do to its stacks: the comment on a pull request."""
