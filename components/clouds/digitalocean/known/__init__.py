"""What is known of this cloud's types and prices before anything is asked."""
