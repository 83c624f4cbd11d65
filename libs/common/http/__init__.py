"""What every HTTP interface of Recours shares."""
