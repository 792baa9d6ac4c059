"""The cadastre room: EGiB parcels, buildings, boundary points."""
