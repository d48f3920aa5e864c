"""Work orders: who mends what until when, what was done, and whether the meters agree."""
