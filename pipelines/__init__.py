"""Move: deliveries in, published layers out."""
