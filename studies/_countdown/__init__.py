"""Parts of the studies of CountDown."""
