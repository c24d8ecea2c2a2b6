"""From returns to a leaderboard."""
