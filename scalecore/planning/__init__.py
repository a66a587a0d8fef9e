"""What to do with a fitted law: plan a training run, choose the next pilot runs."""
