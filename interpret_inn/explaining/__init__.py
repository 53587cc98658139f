"""What the factors mean and do: edits, read-outs, responses, maps, and the records that hold them."""
