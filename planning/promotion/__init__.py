"""A promotion from stage 1 to stage 2, as far as it can be judged and planned: facts in, obstacles
and steps out."""
