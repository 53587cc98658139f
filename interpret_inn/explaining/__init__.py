"""What the factors mean and do: edits, probes, redraws, maps, and the records that hold them."""
